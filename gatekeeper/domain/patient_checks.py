"""What should hold of patient, prescriber and authorization, as far as the program's patient rule asks."""

from datetime import date

from gatekeeper.domain.covered_line import CoveredLine
from gatekeeper.domain.facts import AuthorizationFact, PatientFact, PrescriberFact, holding
from gatekeeper.domain.lapses import may_be_renewed
from gatekeeper.domain.site_checks import FACILITY
from gatekeeper.domain.sites import Evidence


def patient_is_named(case: CoveredLine) -> Evidence | None:
    return {} if case.patient.patient_id is None and case.program.patient_rule != "none" else None


def patient_is_enrolled(case: CoveredLine) -> Evidence | None:
    if not case.patient_is_judged:
        return None
    facts = case.answers[("patient", case.program.name, str(case.patient.patient_id))]
    patient = holding(facts, case.today)
    return None if patient is not None and patient.status == "enrolled" else _known(patient)


def prescriber_is_certified(case: CoveredLine) -> Evidence | None:
    if not case.patient_is_judged:
        return None
    prescriber_id = case.prescriber_id
    if prescriber_id is None:
        return {"named": False}
    prescriber = holding(case.answers[("prescriber", case.program.name, prescriber_id)], case.today)
    return None if prescriber is not None and prescriber.status == "certified" else _known(prescriber)


def authorization_is_named(case: CoveredLine) -> Evidence | None:
    return {} if case.patient_is_judged and case.patient.authorization_id is None else None


def authorization_is_known(case: CoveredLine) -> Evidence | None:
    return {} if case.patient_is_judged and case.patient.authorization_id is not None and case.authorization is None else None


def authorization_is_valid(case: CoveredLine) -> Evidence | None:
    authorization, today = case.authorization, case.today
    if authorization is None or not case.patient_is_judged:
        return None
    if _is_valid(authorization, today) or _only_lapsed(authorization, case):
        return None
    return {
        **_known(authorization),
        "valid_from": authorization.valid_from.isoformat(),
        "valid_through": authorization.valid_through.isoformat(),
        "judged_on": today.isoformat(),
    }


def authorization_is_for_these_parties(case: CoveredLine) -> Evidence | None:
    """The line's parties are those of the authorization; and a facility that receives administers itself."""
    if not case.patient_is_judged:
        return None
    named, authorization, site = case.patient, case.authorization, case.site
    differing = []
    if authorization is not None:
        if authorization.patient_id != named.patient_id:
            differing.append("patient")
        if named.prescriber_id is not None and authorization.prescriber_id != named.prescriber_id:
            differing.append("prescriber")
        if named.administering_site_id is not None and authorization.administering_site_id != named.administering_site_id:
            differing.append("administering_site")
    if site is not None and site.site_class == FACILITY:
        administering = (named.administering_site_id, None if authorization is None else authorization.administering_site_id)
        if any(site_id is not None and site_id != site.site_id for site_id in administering):
            differing.append("recipient")
    return {"differing": differing} if differing else None


def authorization_is_not_exhausted(case: CoveredLine) -> Evidence | None:
    authorization, units = case.authorization, case.units
    if authorization is None or units is None or not case.patient_is_judged:
        return None
    question = ("units", case.program.name, authorization.authorization_id)
    released = case.answers[question] + case.used.get(question, 0)
    if released + units <= authorization.units:
        return None
    return {"authorized": authorization.units, "released": released, "ordered": units, "fact_sequence": authorization.sequence}


def _is_valid(authorization: AuthorizationFact, day: date) -> bool:
    return authorization.status == "authorized" and authorization.valid_from <= day <= authorization.valid_through


def _only_lapsed(authorization: AuthorizationFact, case: CoveredLine) -> bool:
    """Whether it is over because its last day has passed, not because a fact ended it, and may have been renewed."""
    last = authorization.valid_through
    if authorization.status != "authorized" or last >= case.today:
        return False
    then = holding(case.answers[("authorization", case.program.name, authorization.authorization_id)], last)
    return then is not None and then.valid_through == last and _is_valid(then, last) and may_be_renewed(case)


def _known(fact: PatientFact | PrescriberFact | AuthorizationFact | None) -> Evidence:
    if fact is None:
        return {"known": False}
    return {"status": fact.status, "effective_on": fact.effective_on.isoformat(), "fact_sequence": fact.sequence}
