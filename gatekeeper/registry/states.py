"""The states, districts and territories of the United States as addresses name them, and the ZIP codes that lie in each."""

from functools import cache
from typing import Final

STATES: Final = """
AL Alabama 350-369; AK Alaska 995-999; AS American Samoa 967; AZ Arizona 850-865; AR Arkansas 716-729; CA California 900-961
CO Colorado 800-816; CT Connecticut 060-069; DE Delaware 197-199; DC District of Columbia 200-205 569; FL Florida 320-349
GA Georgia 300-319 398-399; GU Guam 969; HI Hawaii 967-968; ID Idaho 832-838; IL Illinois 600-629; IN Indiana 460-479
IA Iowa 500-528; KS Kansas 660-679; KY Kentucky 400-427; LA Louisiana 700-714; ME Maine 039-049; MH Marshall Islands 969
MD Maryland 206-219; MA Massachusetts 010-027 055; MI Michigan 480-499; FM Federated States of Micronesia 969; MN Minnesota 550-567
MS Mississippi 386-397; MO Missouri 630-658; MT Montana 590-599; NE Nebraska 680-693; NV Nevada 889-898; NH New Hampshire 030-038
NJ New Jersey 070-089; NM New Mexico 870-884; NY New York 005 063 100-149; NC North Carolina 270-289; ND North Dakota 580-588
MP Northern Mariana Islands 969; OH Ohio 430-459; OK Oklahoma 730-749; OR Oregon 970-979; PW Palau 969; PA Pennsylvania 150-196
PR Puerto Rico 006-009; RI Rhode Island 028-029; SC South Carolina 290-299; SD South Dakota 570-577; TN Tennessee 370-385
TX Texas 733 750-799 885; UT Utah 840-847; VT Vermont 050-059; VI Virgin Islands 008; VA Virginia 201 220-246; WA Washington 980-994
WV West Virginia 247-268; WI Wisconsin 530-549; WY Wyoming 820-831; AA Armed Forces Americas 340; AE Armed Forces Europe 090-098
AP Armed Forces Pacific 962-966
"""
"""By code: the name, and the first three digits of its ZIP codes. A few of these lie across a border."""


def state_of(text: str) -> str | None:
    """The code of the state that is written, by code or by name; None where it is none."""
    return _states()[0].get(text.upper())


def zip_is_of(zip_code: str, state: str) -> bool:
    """Whether a ZIP code, by its first three digits, lies in the state of this code."""
    return zip_code[:3] in _states()[1][state]


@cache
def _states() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    codes: dict[str, str] = {}
    zips: dict[str, frozenset[str]] = {}
    for line in STATES.replace("\n", ";").split(";"):
        if words := line.split():
            code, *name = [word for word in words if not word[0].isdigit()]
            codes |= {code: code, " ".join(name).upper(): code}
            ranges = [word.split("-") for word in words if word[0].isdigit()]
            numbers = [number for each in ranges for number in range(int(each[0]), int(each[-1]) + 1)]
            zips[code] = frozenset(f"{number:03}" for number in numbers)
    return codes, zips
