"""The demonstration's bureau: its key lies here, where a city's would lie with it."""

from __future__ import annotations

from zhitong.connectors.key_forms import PRIVATE, PUBLIC, from_pem, pem
from zhitong.connectors.key_ring import Because
from zhitong.connectors.key_table import KeyTable
from zhitong.connectors.signers import FileSigner, file_signer, generate
from zhitong.infra.bureau_keys import FOLDER
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.platform_database import SEALER, own_platform
from zhitong.infra.secret import private
from zhitong.infra.settings import Settings

UNIT = DEMO_PRINCIPALS["department"].unit
_BECAUSE = Because(who="zhitong demo", reason="示范部门的签名密钥 the demo's bureau")


def demo_bureau(settings: Settings) -> FileSigner:
    """Give the bureau's key, made when it is missing; receivers find its public one."""
    folder = settings.state / FOLDER
    kept = folder / f"{UNIT}.key"
    if not kept.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private(kept, pem(PRIVATE, generate(settings.evidence_signature)))
    signer = file_signer(from_pem(PRIVATE, kept.read_text("ascii")))
    public = folder / f"{UNIT}.{signer.key_id}.pem"
    public.write_text(pem(PUBLIC, signer.spki), "ascii")
    return signer


async def enrol(settings: Settings, signer: FileSigner) -> None:
    """Register the bureau's key with the platform; once is enough."""
    async with KeyTable(await own_platform(settings, SEALER)) as table:
        await table.add_bureau(UNIT, signer.spki, _BECAUSE)
