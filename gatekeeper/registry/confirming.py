"""A file that was refused for the sites that it loses is loaded on the word of another person than who offered it."""

import hashlib
import re
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec
from sqlalchemy import Engine

from gatekeeper.desk import read_reason
from gatekeeper.errors import Halt, Unusable
from gatekeeper.people.access import Person
from gatekeeper.registry.importing import Loaded, Terms, Then, Watcher, load_file
from gatekeeper.registry.refused_files import Confirmation, Loss, keep_recounted
from gatekeeper.storage import refused_files as held
from gatekeeper.storage.engine import transaction
from schemas.fact import SnapshotHeader


def confirm(engine: Engine, sha256: str, reason: str, person: Person, terms: Terms, watcher: Watcher, then: Then | None = None) -> Loaded:
    """Loads the refused file with this digest, and records who confirmed it and why in the same transaction; so is done what ``then`` does.

    Every guard is asked again; that of the loss, whether it is what the refusal told. Raises ``Unusable`` where the file cannot be
    confirmed, or not by this person, or where more would be lost than he could know, or another snapshot was loaded since: that is then
    told, and on record, and what is confirmed next.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise Unusable("The digest must be the SHA-256 that the refusal named: 64 digits and small letters a to f.")
    confirmation = Confirmation(sha256, person, read_reason(reason))
    with TemporaryFile() as file:
        refused = _fetch(engine, file, confirmation)
        header = msgspec.json.decode(refused.header, type=SnapshotHeader) if refused.header else None
        try:
            return load_file(engine, file, f"The file {sha256}", header, terms, watcher, confirmation._replace(seen=refused.counted), then)
        except Loss as loss:
            raise Unusable(keep_recounted(engine, refused, loss)) from None


def _fetch(engine: Engine, file: BinaryIO, confirmation: Confirmation) -> held.RefusedFile:
    """Writes the file as it is kept, and gives the refusal that is to be confirmed."""
    digest = hashlib.sha256()
    with transaction(engine) as cursor:
        if (by := held.confirmed_by(cursor, confirmation.sha256)) is not None:
            raise Unusable(f"The file {confirmation.sha256} was confirmed already, by {by}, and loaded then.")
        refused = _to_be_confirmed(held.refusals(cursor, confirmation.sha256), confirmation.person.subject)
        for piece in held.pieces(cursor, confirmation.sha256):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != confirmation.sha256:
        raise Halt("The file that is kept under this digest has another: run `gatekeeper verify`.")
    file.seek(0)
    return refused


def _to_be_confirmed(refusals: list[held.RefusedFile], person: str) -> held.RefusedFile:
    if not refusals:
        raise Unusable("No refused file has this digest.")
    confirmable = [refused for refused in refusals if refused.confirmable]
    if not confirmable:
        raise Unusable(f"This file cannot be confirmed. It was refused for another reason: {refusals[-1].problem}")
    of_others = [refused for refused in confirmable if refused.person != person]
    if not of_others:
        raise Unusable("You imported this file yourself: another person must confirm it.")
    return of_others[-1]
