"""What somebody may do, each named once, and which roles grant what."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from gatekeeper.readers import WrongValueError, document, file


class Permission(StrEnum):
    """Each operation of the API, and each command that acts for a person, names one of these; an operation may need none."""

    READ_RULES = "rules.read"
    READ_SITES = "sites.read"
    READ_ORDERS = "orders.read"
    READ_RECORDS = "records.read"
    READ_REFUSALS = "refusals.read"
    READ_ALERTS = "alerts.read"
    READ_PATIENTS = "patients.read"
    REHEARSE = "orders.rehearse"
    REHEARSE_PATIENTS = "patients.rehearse"
    WORK_ORDERS = "orders.work"
    SETTLE_ORDERS = "orders.settle"
    REASSIGN_ORDERS = "orders.reassign"
    EXAMINE_ORDERS = "orders.examine"
    PUBLISH_ORDERS = "orders.publish"
    READ_SETTINGS = "settings.read"
    ACKNOWLEDGE_RECORDS = "records.acknowledge"
    DECIDE_ALERTS = "alerts.decide"
    READ_PROPOSALS = "proposals.read"
    PROPOSE_SITE_ALIASES = "site-aliases.propose"
    APPROVE_SITE_ALIASES = "site-aliases.approve"
    CONFIRM_SNAPSHOTS = "snapshots.confirm"
    PROPOSE_CORRECTIONS = "corrections.propose"
    APPROVE_CORRECTIONS = "corrections.approve"
    PROPOSE_VOIDS = "voids.propose"
    APPROVE_VOIDS = "voids.approve"
    PROPOSE_BYPASSES = "bypasses.propose"
    APPROVE_BYPASSES = "bypasses.approve"
    READ_METRICS = "metrics.read"
    SET_MESSAGES_ASIDE = "messages.set-aside"


ABOUT: Final[dict[Permission, str]] = {
    Permission.READ_RULES: "Reasons, and the rules in force.",
    Permission.READ_SITES: "Who is certified, and who was.",
    Permission.READ_ORDERS: "Orders, and everything that was decided about them; patients masked.",
    Permission.READ_RECORDS: "Distribution records; patients masked.",
    Permission.READ_REFUSALS: "What could not be read, of every wholesaler and program: nobody knows whose it is.",
    Permission.READ_ALERTS: "Alerts.",
    Permission.READ_PATIENTS: "Patients' pseudonyms where they are shown or searched for, for a stated purpose; on record.",
    Permission.REHEARSE: "Asking what the gate would answer.",
    Permission.REHEARSE_PATIENTS: "The same, also about patients, prescribers and authorizations.",
    Permission.WORK_ORDERS: "Taking an order in hand, giving it back, noting something about it.",
    Permission.SETTLE_ORDERS: "Settling a stopped order: it is not judged again on its own.",
    Permission.REASSIGN_ORDERS: "Giving back what another has in hand.",
    Permission.EXAMINE_ORDERS: "Having an order judged again now.",
    Permission.PUBLISH_ORDERS: "Having the answer to an order published once more.",
    Permission.READ_SETTINGS: "The settings in force, without secrets.",
    Permission.ACKNOWLEDGE_RECORDS: "Saying which distribution records were accepted, and which rejected: the word of the REMS.",
    Permission.DECIDE_ALERTS: "Deciding what becomes of an alert.",
    Permission.READ_PROPOSALS: "What needs two people: site aliases, refused snapshots, corrections, voids, bypasses; patients masked.",
    Permission.PROPOSE_SITE_ALIASES: "Proposing an address or an account of a known site, and withdrawing one that counts.",
    Permission.APPROVE_SITE_ALIASES: "Approving or refusing what another proposed.",
    Permission.CONFIRM_SNAPSHOTS: "Confirming that the sites which a snapshot loses are really lost.",
    Permission.PROPOSE_CORRECTIONS: "Proposing what to change of a record that the REMS rejected.",
    Permission.APPROVE_CORRECTIONS: "Approving or refusing it.",
    Permission.PROPOSE_VOIDS: "Saying that the goods of a withdrawn line stayed, or that a return record is wrong, so that it is void.",
    Permission.APPROVE_VOIDS: "Approving or refusing it.",
    Permission.PROPOSE_BYPASSES: "Completing what is known of goods that left past the gate.",
    Permission.APPROVE_BYPASSES: "Approving or refusing it.",
    Permission.READ_METRICS: "Metrics.",
    Permission.SET_MESSAGES_ASIDE: "Taking a message that halts a consumer out of its way: a command alone does it.",
}


class Role(NamedTuple):
    name: str
    permissions: frozenset[Permission]


_READING: Final = frozenset(
    {
        Permission.READ_RULES,
        Permission.READ_SITES,
        Permission.READ_ORDERS,
        Permission.READ_ALERTS,
        Permission.READ_PROPOSALS,
    }
)
BUILT_IN: Final = (
    Role("order-system", frozenset({Permission.READ_RULES, Permission.REHEARSE})),
    Role("compliance-reader", _READING | {Permission.READ_REFUSALS, Permission.REHEARSE}),
    Role(
        "compliance-officer",
        _READING
        | {
            Permission.READ_REFUSALS,
            Permission.READ_RECORDS,
            Permission.READ_PATIENTS,
            Permission.REHEARSE,
            Permission.REHEARSE_PATIENTS,
            Permission.WORK_ORDERS,
            Permission.SETTLE_ORDERS,
            Permission.EXAMINE_ORDERS,
            Permission.PUBLISH_ORDERS,
            Permission.DECIDE_ALERTS,
            Permission.PROPOSE_SITE_ALIASES,
            Permission.PROPOSE_CORRECTIONS,
            Permission.PROPOSE_VOIDS,
            Permission.PROPOSE_BYPASSES,
        },
    ),
    Role("lead", frozenset(Permission) - {Permission.READ_METRICS, Permission.ACKNOWLEDGE_RECORDS}),
    Role(
        "rems",
        frozenset(
            {
                Permission.READ_RULES,
                Permission.READ_SITES,
                Permission.READ_RECORDS,
                Permission.READ_PATIENTS,
                Permission.ACKNOWLEDGE_RECORDS,
            }
        ),
    ),
    Role("auditor", _READING | {Permission.READ_REFUSALS, Permission.READ_RECORDS, Permission.READ_SETTINGS}),
    Role("operator", frozenset({Permission.READ_RULES, Permission.READ_SETTINGS, Permission.READ_METRICS, Permission.SET_MESSAGES_ASIDE})),
)
"""The roles where the settings name no file of them."""

_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


def read_roles(text: str) -> tuple[Role, ...]:
    """Reads the file of roles: by the name of each, the list of its permissions."""
    return tuple([_role(name, given) for name, given in document(file(text)).items()])


def granted(names: Iterable[str], roles: Iterable[Role]) -> frozenset[Permission]:
    """What the roles of these names permit; a name that is no role's permits nothing."""
    wanted = set(names)
    return frozenset().union(*[role.permissions for role in roles if role.name in wanted])


def _role(name: str, given: object) -> Role:
    if not _NAME.fullmatch(name):
        raise WrongValueError("has a role whose name is not made of 1 to 64 letters, digits, points, underscores, colons and hyphens.")
    known = {permission.value: permission for permission in Permission}
    if not isinstance(given, list) or not all(isinstance(each, str) and each in known for each in given):
        raise WrongValueError(f"has the role {name}, which must be a list of these: {', '.join(known)}.")
    return Role(name, frozenset(known[each] for each in given))
