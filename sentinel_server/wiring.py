"""Settings → Services. The one place that names concrete adapters, each imported only where it is used."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock, SystemIds
from sentinel_server.errors import (
    InvalidSetting,
    PolicyUnavailable,
    SentinelError,
    StoreUnavailable,
    Unverifiable,
)
from sentinel_server.policy.schema import LoadedPolicy
from sentinel_server.policy.stored import PLAIN, Shape
from sentinel_server.settings.locations import (
    DynamoDbLocation,
    FilePolicies,
    SqliteLocation,
    SsmPolicies,
    parse_table,
)

if TYPE_CHECKING:
    from sentinel_server.access.facts import Ask
    from sentinel_server.access.gate import Gate
    from sentinel_server.access.seat import Seat, Sources
    from sentinel_server.access.session import ServerSession
    from sentinel_server.adapters.aws.base import BotoBase, TokenPrompt
    from sentinel_server.adapters.aws.clients import AwsSession
    from sentinel_server.adapters.local.child_files import ChildFiles
    from sentinel_server.adapters.local.policy_memory import PolicyMemory
    from sentinel_server.auditlog.sink import AuditSink
    from sentinel_server.clock import Clock
    from sentinel_server.credentials.profiles import Profile, Profiles
    from sentinel_server.identity.principal import Principal
    from sentinel_server.policy.keys import KeySet, PublicKey
    from sentinel_server.policy.signing import Signer
    from sentinel_server.policy.source import PolicySource
    from sentinel_server.policy.stored import PolicyStore, SerialMemory
    from sentinel_server.provisioning.apply import Provisioner
    from sentinel_server.secret import Secret
    from sentinel_server.sessions.store import SessionStore
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.web.run import LoopbackServer

LOADING = timedelta(seconds=5)
"""How long a policy may take to load; a fetch waits less, and the next one finds it there."""
ONE_SHOT_AGE = timedelta(minutes=1)
"""How old a policy may be in a process that decides once."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One open door: what it issues for, and its place at the gate."""

    profile: Profile
    region: str | None
    gate: Gate
    sources: Sources
    seat: Seat


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who a door talks to: `prompt` for a code, `say` for remarks, `told` for each change of outcome."""

    prompt: TokenPrompt | None = None
    say: Say = lambda _: None
    told: Callable[[SentinelError | None], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Policies to be written, the serials seen on this machine, and the pinned keys (None without any)."""

    store: PolicyStore
    memory: SerialMemory
    keys: KeySet | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The file of pinned public keys, and what makes and reads keys; all raise SentinelErrors."""

    path: Path
    read: Callable[[], KeySet]
    write: Callable[[KeySet], None]
    generate: Callable[[Path], PublicKey]
    public: Callable[[Path, str | None], PublicKey]


def profiles(settings: Settings) -> Profiles:
    """Every profile of the AWS configuration. Raises InvalidSetting."""
    from sentinel_server.adapters.local.aws_config import read_profiles

    return read_profiles(settings.environ)


def load_profile(settings: Settings, name: str) -> Profile:
    """One profile. Raises UnknownProfile, InvalidSetting."""
    return profiles(settings).get(name)


@asynccontextmanager
async def open_door(settings: Settings, ask: Ask, visitor: Visitor) -> AsyncIterator[Door]:
    """A place at the gate for `ask`; everything it opened is closed at the end.

    Raises UnknownProfile, InvalidSetting and LoginRequired before anything is asked of AWS.
    """
    from sentinel_server.access.gate import Gate
    from sentinel_server.access.seat import Rules, Sources
    from sentinel_server.adapters.aws.sts import StsAssumer
    from sentinel_server.credentials.endpoints import region_of

    async with AsyncExitStack() as stack:
        clock = SystemClock()
        base = await _base(stack, settings, ask.profile, clock, visitor)
        await base.prepare()
        profile = load_profile(settings, ask.profile)
        region = settings.region or region_of(profile, settings.environ)
        control = await _control(stack, settings, base, profile, clock)
        roles = StsAssumer(base.sts, base, clock)
        stack.push_async_callback(roles.close)
        sources = Sources(
            policies=await _policies(stack, settings, control, region, clock, visitor.say),
            base=base,
            roles=roles,
            open_store=_StoreOpener(stack, settings, control, region),
            audit=await stack.enter_async_context(open_audit(settings, clock=clock, say=visitor.say)),
            clock=clock,
            ids=SystemIds(),
            rules=Rules(
                lapse_after=settings.lapse_after,
                enforce_lease=settings.enforce_lease,
                session_tags=settings.session_tags,
                persons=settings.persons,
            ),
        )
        seat = _seat(sources, ask, profile, visitor)
        yield Door(profile=profile, region=region, gate=Gate(sources), sources=sources, seat=seat)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[SessionStore]:
    """The configured session store, for commands that look at sessions and cut them off."""
    async with AsyncExitStack() as stack:
        if isinstance(settings.store, SqliteLocation):
            yield await _sqlite(stack, settings.store.path)
            return
        base = await _own(stack, settings, _control_name(settings), SystemClock())
        yield await _StoreOpener(stack, settings, base, settings.region)(None)


@asynccontextmanager
async def open_audit(
    settings: Settings, *, clock: SystemClock | None = None, say: Say = lambda _: None
) -> AsyncIterator[AuditSink]:
    """The audit log of this machine; what it cannot write is refused, or only said, as configured."""
    from sentinel_server.adapters.local.jsonl import JsonlAudit
    from sentinel_server.auditlog.fanout import Destination, FanOut

    log = JsonlAudit(settings.audit_directory, clock=clock or SystemClock(), ids=SystemIds())
    sink = FanOut([Destination(name="file", sink=log, required=settings.audit_required)], say)
    try:
        yield sink
    finally:
        await sink.close()


@asynccontextmanager
async def open_provisioner(settings: Settings) -> AsyncIterator[Provisioner]:
    """What makes and mends the sessions table."""
    from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner

    async with AsyncExitStack() as stack:
        base = await _own(stack, settings, _control_name(settings), SystemClock())
        client = await stack.enter_async_context(base.aws.client("dynamodb", region=settings.region))
        yield DynamoDbProvisioner(client)


@asynccontextmanager
async def open_policies(settings: Settings, say: Say = lambda _: None) -> AsyncIterator[PolicySource]:
    """The configured policies, read as a door reads them."""
    async with AsyncExitStack() as stack:
        control: BotoBase | None = None
        if isinstance(settings.policies, SsmPolicies):
            control = await _own(stack, settings, _control_name(settings), SystemClock())
        yield await _policies(stack, settings, control, settings.region, SystemClock(), say)


@asynccontextmanager
async def open_policy_store(settings: Settings, shape: Shape = PLAIN) -> AsyncIterator[Shelf]:
    """The configured policies to be written, with what this machine remembers of them.

    `shape` says how SSM is to store a policy; the other store has only one way.
    """
    async with AsyncExitStack() as stack:
        memory = _policy_memory(stack, settings)
        control: BotoBase | None = None
        if isinstance(settings.policies, SsmPolicies):
            control = await _own(stack, settings, _control_name(settings), SystemClock())
        store = await _policy_store(stack, settings, control, settings.region, memory, shape)
        yield Shelf(store=store, memory=memory, keys=_keys(settings))


@asynccontextmanager
async def open_signer(
    settings: Settings, *, key_file: Path | None = None, kms_key: str | None = None
) -> AsyncIterator[Signer]:
    """What signs with the key in a file, or with a KMS key. Raises BadInput, SentinelError."""
    if key_file is not None:
        from sentinel_server.adapters.local.key_file import load_signer

        yield load_signer(key_file)
        return
    from sentinel_server.adapters.aws.kms import KmsSigner, kms_public_key

    async with AsyncExitStack() as stack:
        base = await _own(stack, settings, _control_name(settings), SystemClock())
        client = await stack.enter_async_context(
            base.aws.client("kms", region=_kms_region(settings, kms_key))
        )
        yield KmsSigner(client, await kms_public_key(client, kms_key or ""))


def key_ring(settings: Settings) -> KeyRing:
    """Where the pinned keys are kept: the configured file, else the usual one."""
    from sentinel_server.adapters.local import key_file

    path = settings.signing_keys or settings.directories.config / "policy-keys.json"
    return KeyRing(
        path=path,
        read=partial(key_file.read_key_set, path),
        write=partial(key_file.write_key_set, path),
        generate=key_file.generate_key,
        public=key_file.load_public,
    )


async def read_parameter(settings: Settings, name: str) -> bytes:
    """What one SSM parameter holds, by its full name. Raises PolicyUnavailable."""
    from sentinel_server.adapters.aws.parameters import read_parameter as read

    async with AsyncExitStack() as stack:
        base = await _own(stack, settings, _control_name(settings), SystemClock())
        client = await stack.enter_async_context(base.aws.client("ssm", region=settings.region))
        return await read(client, name)


async def whoami(settings: Settings, profile: str | None) -> Principal:
    """Who the base credentials of `profile` belong to; without one, of the control profile or AWS's
    default.
    """
    async with AsyncExitStack() as stack:
        if profile is None:
            return await (await _own(stack, settings, _control_name(settings), SystemClock())).principal()
        return await (await _base(stack, settings, profile, SystemClock(), Visitor())).principal()


async def actor(settings: Settings) -> str:
    """Who is acting, for `revoked_by`: the principal's ARN on a shared store, else this machine's user.

    It is said when STS could not tell: cutting off must not wait for a service it has no need of.
    """
    from sentinel_server.adapters.local.user import local_user

    if isinstance(settings.store, SqliteLocation):
        return local_user()
    try:
        return (await whoami(settings, None)).arn
    except Unverifiable:
        return f"{local_user()} (not verified)"


def loopback(settings: Settings, session: ServerSession, clock: Clock) -> tuple[LoopbackServer, Secret]:
    """The loopback server for one session, not yet started, and the token that its child must show."""
    from sentinel_server.web.auth import fresh_token
    from sentinel_server.web.options import WebOptions
    from sentinel_server.web.peer import same_user_at
    from sentinel_server.web.run import LoopbackServer

    token = fresh_token()
    options = WebOptions(
        token=token, listen=settings.listen, port=settings.server_port, rate_limit=settings.rate_limit
    )
    ours = partial(same_user_at, allowed=settings.allow_uid)
    return LoopbackServer(session, session, options, clock=clock, same_user=ours), token


@contextmanager
def runtime_directory(settings: Settings) -> Iterator[Callable[[str, str], Path]]:
    """A private directory for one server; call what comes with a name and a text to write a file in it."""
    from sentinel_server.adapters.local.private import private_directory, private_file

    with private_directory(settings.environ) as directory:
        yield lambda name, text: private_file(directory, name, text)


def child_files(settings: Settings, config: str) -> ChildFiles:
    """The AWS files of a child that outlives us. Raises InvalidSetting."""
    from sentinel_server.adapters.local.child_files import child_files

    return child_files(settings.directories.state, config)


# ---- parts


async def _base(
    stack: AsyncExitStack,
    settings: Settings,
    name: str,
    clock: SystemClock,
    visitor: Visitor,
    *,
    itself: bool = False,
) -> BotoBase:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.adapters.local.aws_config import config_paths

    config_file, credentials_file = config_paths(settings.environ)
    base = BotoBase(
        profiles(settings),
        name,
        config_file=config_file,
        credentials_file=credentials_file,
        environment=settings.environ,
        clock=clock,
        region=settings.region,
        observe=clock.observe,
        prompt=visitor.prompt,
        itself=itself,
    )
    stack.push_async_callback(base.close)
    return base


async def _own(stack: AsyncExitStack, settings: Settings, name: str, clock: SystemClock) -> BotoBase:
    """The credentials of a profile itself, its role's included, for the work of an operator."""
    base = await _base(stack, settings, name, clock, Visitor(), itself=True)
    await base.prepare()
    return base


async def _control(
    stack: AsyncExitStack, settings: Settings, base: BotoBase, target: Profile, clock: SystemClock
) -> BotoBase:
    """What reads policies and stores: never the target's role, which nothing has allowed yet."""
    name = settings.control_profile
    if name is None:
        return base
    roles = {profile.role_arn for profile in profiles(settings).chain(name)}
    if target.role_arn is not None and target.role_arn in roles:
        raise InvalidSetting(f"control_profile {name} would assume {target.role_arn} before it is allowed")
    return await _own(stack, settings, name, clock)


def _chance() -> float:
    return secrets.randbelow(1000) / 1000


def _control_name(settings: Settings) -> str:
    environ = settings.environ
    return (
        settings.control_profile
        or environ.get("AWS_PROFILE")
        or environ.get("AWS_DEFAULT_PROFILE")
        or "default"
    )


async def _policies(
    stack: AsyncExitStack,
    settings: Settings,
    control: BotoBase | None,
    region: str | None,
    clock: SystemClock,
    say: Say,
) -> PolicySource:
    from sentinel_server.policy.source import CachedPolicies

    where = settings.policies
    age = max(settings.policy_max_age, LOADING) if isinstance(where, SsmPolicies) else settings.policy_max_age
    inner: PolicySource
    if _keys(settings) is not None:
        inner = await _verified(stack, settings, control, region, clock, say)
    elif isinstance(where, FilePolicies):
        from sentinel_server.adapters.local.policies import FilePolicies as FileSource

        inner = FileSource(where.directory)
    else:
        inner = await _ssm(stack, where, control, region)
    return CachedPolicies(inner, clock, max_age=age, timeout=min(LOADING, age), chance=_chance)


async def _verified(
    stack: AsyncExitStack,
    settings: Settings,
    control: BotoBase | None,
    region: str | None,
    clock: SystemClock,
    say: Say,
) -> PolicySource:
    from sentinel_server.policy.verified import VerifiedPolicies

    memory = _policy_memory(stack, settings)
    source = VerifiedPolicies(
        await _policy_store(stack, settings, control, region, memory),
        key_ring(settings).read,
        memory,
        clock,
        required=settings.signing_required is not False,
        say=say,
    )
    where = settings.policies
    account = where.account if isinstance(where, SsmPolicies) else None
    return source if account is None else _OfAccount(source, account)


def _keys(settings: Settings) -> KeySet | None:
    """The pinned keys now, None when signing is not set up. Raises InvalidSetting."""
    if settings.signing_keys is not None:
        return key_ring(settings).read()
    if settings.signing_required:
        raise InvalidSetting(
            "signing.required is true, and signing.keys names no keys to check with",
            hint="make a key set: sentinel policy keys add; then set signing.keys to its path",
        )
    return None


def _policy_memory(stack: AsyncExitStack, settings: Settings) -> PolicyMemory:
    from sentinel_server.adapters.local.policy_memory import PolicyMemory

    memory = PolicyMemory(settings.directories.state / "policies.db")
    stack.push_async_callback(memory.close)
    return memory


async def _policy_store(
    stack: AsyncExitStack,
    settings: Settings,
    control: BotoBase | None,
    region: str | None,
    memory: PolicyMemory,
    shape: Shape = PLAIN,
) -> PolicyStore:
    where = settings.policies
    if isinstance(where, FilePolicies):
        from sentinel_server.adapters.local.policy_store import FilePolicyStore
        from sentinel_server.adapters.local.user import local_user

        return FilePolicyStore(where.directory, memory, SystemClock(), local_user())
    from sentinel_server.adapters.aws.policy_store import SsmPolicyStore

    aws = _aws(control)
    client = await stack.enter_async_context(aws.client("ssm", region=where.region or region))

    async def account() -> str:
        assert control is not None  # noqa: S101  # `_aws` has refused the other case
        return (await control.principal()).account

    return SsmPolicyStore(client, account, root=where.root, parameter=where.parameter, shape=shape)


def _kms_region(settings: Settings, key: str | None) -> str | None:
    """The region in a key's ARN, else the configured one."""
    parts = (key or "").split(":")
    return parts[3] if len(parts) > 5 else settings.region


async def _ssm(
    stack: AsyncExitStack, where: SsmPolicies, control: BotoBase | None, region: str | None
) -> PolicySource:
    from sentinel_server.adapters.aws.policies import SsmPolicies as SsmSource

    aws = _aws(control)
    client = await stack.enter_async_context(aws.client("ssm", region=where.region or region))
    source = SsmSource(client, root=where.root, parameter=where.parameter)
    return source if where.account is None else _OfAccount(source, where.account)


def _aws(control: BotoBase | None) -> AwsSession:
    if control is None:
        raise StoreUnavailable("no AWS credentials to read with")
    return control.aws


async def _sqlite(stack: AsyncExitStack, path: Path) -> SessionStore:
    from sentinel_server.adapters.local.sqlite import SqliteSessions

    store = SqliteSessions(path)
    stack.push_async_callback(store.close)
    return store


class _OfAccount:
    """A PolicySource that refuses policies of any other account than the one in its URL."""

    def __init__(self, inner: PolicySource, account: str) -> None:
        self._inner = inner
        self._account = account

    async def load(self, profile: str) -> LoadedPolicy:
        loaded = await self._inner.load(profile)
        if loaded.account != self._account:
            raise PolicyUnavailable(f"{loaded.name} is in account {loaded.account}, not in {self._account}")
        return loaded


class _StoreOpener:
    """Opens the configured store, or the table that a rule names."""

    def __init__(
        self, stack: AsyncExitStack, settings: Settings, control: BotoBase, region: str | None
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._control = control
        self._region = region

    async def __call__(self, table: str | None) -> SessionStore:
        configured = self._settings.store
        if table is None and isinstance(configured, SqliteLocation):
            return await _sqlite(self._stack, configured.path)
        if table is None:
            assert isinstance(configured, DynamoDbLocation)  # noqa: S101  # the other kind has just returned
            return await self._dynamodb(configured, configured.table)
        named = parse_table(table)
        near = configured if isinstance(configured, DynamoDbLocation) else None
        if near is not None and named.account is None:  # a bare name is in the configured place
            named = replace(named, region=near.region, account=near.account)
        return await self._dynamodb(named, table)

    async def _dynamodb(self, where: DynamoDbLocation, text: str) -> SessionStore:
        from sentinel_server.adapters.aws.sessions import open_dynamodb_sessions
        from sentinel_server.sessions.store import StoreRef

        if where.account is not None:
            found = (await self._control.principal()).account
            if found != where.account:
                raise StoreUnavailable(f"{where} is asked with credentials of account {found}")
        region = where.region or self._region
        ref = StoreRef(url=f"dynamodb://{region or ''}/{where.table}", shared=True, table=text)
        store = await open_dynamodb_sessions(self._control.aws, where.table, ref, region)
        self._stack.push_async_callback(store.close)
        return store


def _seat(sources: Sources, ask: Ask, profile: Profile, visitor: Visitor) -> Seat:
    from sentinel_server.access.facts import Target
    from sentinel_server.access.journal import Journal
    from sentinel_server.access.seat import Seat
    from sentinel_server.auditlog.event import Action, AuditEvent
    from sentinel_server.credentials.cache import MintCache

    about = AuditEvent(action=Action.SERVED, at=sources.clock.now(), profile=ask.profile, mode=ask.mode.value)
    seconds = None if profile.duration is None else int(profile.duration.total_seconds())
    return Seat(
        ask=ask,
        target=Target(role_arn=profile.assumes, external_id=profile.external_id, duration_seconds=seconds),
        journal=Journal(sources.audit, sources.clock, about, visitor.told),
        cache=MintCache(sources.clock),
        instance_id=sources.ids.fresh(),
    )
