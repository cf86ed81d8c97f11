"""What the services on open ports say of themselves before anybody logs in, and what strangers get."""

from __future__ import annotations

from ...model import Facts, Value


class Service(Value):
    """What spoke on one TCP port; `protocol` is known by what it said, never by the port's number.

    `how` is `banner` where the service spoke first, else `reply`. `encrypted`: the port speaks TLS, SSH or
    an encryption of its own from the start; `offers_encryption`: it can be asked for;
    `demands_encryption`: FTP refused a name (no password) on a clear line, False where it took the name.
    `without_login`: data or functions were handed out to somebody who had not logged in; None where that
    was not asked or not clear. `options` are the protocol's own words: SMB dialects, VNC security types, RDP
    security protocols that were accepted. `shared` names what is on offer to strangers: rsync modules, NFS
    exports, RPC programs. `evidence` is a bounded piece of what was said.
    """

    port: int
    protocol: str
    how: str
    version: str = ""
    encrypted: bool | None = None
    offers_encryption: bool | None = None
    demands_encryption: bool | None = None
    without_login: bool | None = None
    signing_required: bool | None = None
    options: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    evidence: str = ""


class ServicesExposed(Facts, tag="services.exposed"):
    """Every open TCP port of the sweep, spoken to without logging in.

    Texts such as `22,80-443` name ports: `unrecognised` spoke nothing that we know, `unspoken` were not
    spoken to, for `cut_because`. `vantage` is that of the sweep.
    """

    address: str
    vantage: str
    services: tuple[Service, ...]
    unrecognised: str = ""
    unspoken: str = ""
    cut_because: str = ""

    def of(self, *protocols: str) -> tuple[Service, ...]:
        """Return the services that speak one of these protocols."""
        return tuple(one for one in self.services if one.protocol in protocols)


class GuestTry(Value):
    """One attempt to be let in as a stranger; `accepted` is None where the answer was not clear.

    `as_whom` is `anonymous`, `guest` or `community public`. `shares` are the names told to that stranger,
    None where they could not be asked for. `demands_encryption`: refused because the line was not encrypted.
    """

    port: int
    protocol: str
    as_whom: str
    accepted: bool | None
    transport: str = "tcp"
    shares: tuple[str, ...] | None = None
    demands_encryption: bool | None = None
    evidence: str = ""


class ServicesGuests(Facts, tag="services.guests"):
    """One attempt as a stranger at each service where strangers are commonly let in."""

    address: str
    vantage: str
    attempts: tuple[GuestTry, ...]


class UdpPort(Value):
    """One question over UDP in the words of `protocol`.

    `state` is `answered`, `closed` (the host said so), `silent` (no answer: closed, filtered or not willing)
    or `refused` (not within the scope).
    """

    port: int
    protocol: str
    state: str
    evidence: str = ""


class PortsUdp(Facts, tag="ports.udp"):
    """A declared small list of UDP ports; silence there is never called closed."""

    address: str
    vantage: str
    ports: tuple[UdpPort, ...]


class SshServer(Value):
    """What an sshd offers before anybody logs in, both directions together, in its own order.

    `host_key_bits` is the size of its RSA host key, None where it has none or it was not shown.
    """

    port: int
    banner: str
    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compression: tuple[str, ...]
    host_key_bits: int | None = None


class SshAlgorithms(Facts, tag="ssh.algorithms"):
    """Every SSH server of the sweep; `unread` names ports that spoke SSH and did not show their list."""

    address: str
    servers: tuple[SshServer, ...]
    unread: str = ""
    complete: bool = True


class Reached(Value):
    """One connection from one local address; `outcome` is `open`, `closed`, `silent` or `failed`.

    `spoke` tells whether the service greeted; one may take the connection and cut it for the source's sake.
    `let_in` tells whether the declared account was let in from there, None where that was not tried.
    `failed`: our machine could not use that source. `managing`: the engagement counts the source among the
    management addresses.
    """

    source: str
    port: int
    outcome: str
    managing: bool
    spoke: bool | None = None
    protocol: str = ""
    let_in: bool | None = None
    evidence: str = ""


class ServicesReach(Facts, tag="services.reach"):
    """From which of the authorised source addresses the management ports were reached."""

    address: str
    ports: tuple[int, ...]
    attempts: tuple[Reached, ...]
