"""How real cameras depart from their standards without a fault. A new manner is declared here and listed in `MANNERS`.

A manner is set like a fault. Its code is empty: the monitor must find the camera healthy. `oddity` is what it must
count, if it counts anything. Each is what people reported of a camera; `manner_hooks` and `manner_payloads` name the
reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

from xueliang_monitor.simulator import manner_hooks as hooks
from xueliang_monitor.simulator import manner_payloads as payloads
from xueliang_monitor.simulator.behaviour import Behaviour, SpentNonce
from xueliang_monitor.simulator.day import Light
from xueliang_monitor.simulator.dome import HOME
from xueliang_monitor.simulator.faults import OTHER_VIEW, SimulatedFault
from xueliang_monitor.wire.dome_position import Position
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.oddities import Oddity


class SimulatedManner(SimulatedFault):
    """Base class of all manners. `codec` is one that shows it; `over_udp` says whether only UDP does."""

    code: ClassVar[str] = ""
    oddity: ClassVar[Oddity | None] = None
    codec: ClassVar[Codec] = Codec.H264
    over_udp: ClassVar[bool] = False


def _manner(
    name: str,
    oddity: Oddity | None,
    about: str,
    *,
    codec: Codec = Codec.H264,
    over_udp: bool = False,
    **changes: Any,
) -> type[SimulatedManner]:
    """Declare a manner; `changes` are new values of fields of `Behaviour`.

    Raises:
        ValueError: `Behaviour` has no such field.

    """
    members: dict[str, Any] = {"name": name, "oddity": oddity, "about": about, "changes": changes}
    return type(f"Manner_{name}", (SimulatedManner,), members | {"codec": codec, "over_udp": over_udp, "__slots__": ()})


@dataclass(frozen=True, slots=True)
class Dome(SimulatedManner):
    """The camera is a dome, by default at its preset `home`. Elsewhere it shows another view."""

    name: ClassVar[str] = "dome"
    about: ClassVar[str] = "The camera is a dome at pan, tilt and zoom; elsewhere than at home it shows another view."
    pan: float = HOME.pan or 0.0
    tilt: float = HOME.tilt or 0.0
    zoom: float = 0.0
    moving: float = 0.0

    def apply(self, behaviour: Behaviour) -> Behaviour:
        """Show the view of the position."""
        at_home = HOME.is_same(Position(self.pan, self.tilt, self.zoom))
        after = SimulatedManner.apply(self, behaviour)
        elsewhere = behaviour.variant == "live" and not at_home
        return replace(after, dome=True, variant=OTHER_VIEW if elsewhere else behaviour.variant)


MANNERS: tuple[type[SimulatedManner], ...] = (
    Dome,
    _manner("rain", None, "It rains where the camera hangs.", weather=Light.RAIN),
    _manner(
        "stray-bytes",
        Oddity.FOREIGN_BYTES,
        "Pieces of packets stand between the interleaved frames.",
        frame_filters=(hooks.stray_bytes,),
    ),
    _manner(
        "padded-frames",
        Oddity.FOREIGN_BYTES,
        "Zeros pad each interleaved frame; its length does not count them.",
        frame_filters=(hooks.padded,),
    ),
    _manner(
        "source-before",
        Oddity.OTHER_SOURCE,
        "The first picture has the source (SSRC) and the clock of a stream before.",
        packet_filters=(hooks.source_before,),
    ),
    _manner(
        "source-each-group",
        Oddity.SOURCE_CHANGED,
        "Each group of pictures has another source (SSRC).",
        packet_filters=(hooks.source_of_group,),
    ),
    _manner(
        "goodbye-of-another",
        None,
        "RTCP says goodbye for the source of a stream before.",
        packet_filters=(hooks.source_before,),
        control_packets=(hooks.goodbye_of_another,),
    ),
    _manner(
        "numbers-restart",
        Oddity.NUMBERS_RESTARTED,
        "The packets of each group of pictures are numbered from 0.",
        packet_filters=(hooks.numbers_of_group,),
    ),
    _manner("no-numbers", None, "Every packet has the number 0.", packet_filters=(hooks.no_numbers,)),
    _manner("doubled-packets", Oddity.DUPLICATE_PACKET, "Each packet comes twice.", packet_filters=(hooks.twice,)),
    _manner(
        "byte-stream",
        Oddity.START_CODES,
        "A keyframe and its parameter sets are one unit with start codes within.",
        payload_filters=(payloads.as_byte_stream,),
    ),
    _manner(
        "byte-stream-h265",
        Oddity.START_CODES,
        "The same for H.265.",
        codec=Codec.H265,
        payload_filters=(payloads.as_byte_stream,),
    ),
    _manner(
        "joined-sets",
        Oddity.START_CODES_IN_DESCRIPTION,
        "The SDP holds the parameter sets in one string, the stream holds none.",
        payload_filters=(payloads.without_parameter_sets,),
        description_filters=(hooks.joined_sets,),
    ),
    _manner(
        "unknown-units",
        Oddity.UNKNOWN_UNIT,
        "A unit of the maker's own type precedes each picture.",
        payload_filters=(payloads.unknown_unit,),
    ),
    _manner(
        "bad-aggregates",
        Oddity.BAD_AGGREGATE,
        "An aggregate whose sizes do not add up precedes each picture.",
        payload_filters=(payloads.bad_aggregate,),
    ),
    _manner(
        "lone-fragments",
        Oddity.FRAGMENT_WITHOUT_START,
        "A fragment without the first one precedes each picture.",
        payload_filters=(payloads.fragment_without_start,),
    ),
    _manner(
        "empty-packets",
        Oddity.EMPTY_PAYLOAD,
        "A packet without payload precedes each picture.",
        payload_filters=(payloads.empty_payload,),
    ),
    _manner(
        "not-rtp",
        Oddity.BAD_PACKET,
        "A packet that is not RTP precedes each picture.",
        packet_filters=(hooks.not_rtp,),
    ),
    _manner(
        "foreign-type",
        Oddity.OTHER_PAYLOAD_TYPE,
        "A packet of another payload type follows each picture.",
        packet_filters=(hooks.foreign_type,),
    ),
    _manner("cseq-zero", Oddity.OTHER_CSEQ, "Every response has the CSeq 0.", reply_filters=(hooks.cseq_zero,)),
    _manner(
        "cseq-behind",
        Oddity.OTHER_CSEQ,
        "From SETUP on, each response has the CSeq of the request before.",
        reply_filters=(hooks.cseq_behind,),
    ),
    _manner(
        "header-without-name",
        Oddity.BAD_HEADER_LINE,
        "A header line has no name and no colon.",
        reply_filters=(hooks.header_without_name,),
    ),
    _manner(
        "b-pictures",
        None,
        "Pictures come in the order of decoding, stamped with the time of display.",
        packet_filters=(hooks.order_of_decoding,),
    ),
    _manner(
        "needs-sound",
        Oddity.ALL_TRACKS_NEEDED,
        "Nothing is sent until the sound is set up too.",
        sound=True,
        needs_sound=True,
    ),
    _manner(
        "size-in-extension",
        None,
        "The size of a JPEG stands in ONVIF's header extension only.",
        codec=Codec.MJPEG,
        packet_filters=(hooks.size_in_extension,),
    ),
    _manner(
        "nonce-once",
        Oddity.NEW_NONCE,
        "Each nonce is good for one request, and the next one is asked for without `stale`.",
        nonce_lives=1,
        spent_nonce=SpentNonce.NEW,
    ),
    _manner(
        "nonce-forbidden",
        Oddity.NEW_NONCE,
        "A nonce that was used gets 403 without a new one.",
        nonce_lives=1,
        spent_nonce=SpentNonce.FORBIDDEN,
    ),
    _manner(
        "closes-after-challenge",
        Oddity.CLOSED_AFTER_CHALLENGE,
        "The connection is closed after the login was asked for.",
        closing_after_challenge=True,
    ),
    _manner(
        "says-h265",
        Oddity.CODEC_DIFFERS,
        "The SDP names H.265, the stream is H.264.",
        description_filters=(hooks.says_h265,),
    ),
    _manner(
        "other-port",
        Oddity.OTHER_PORT,
        "Packets over UDP come from another port than the response to SETUP names.",
        over_udp=True,
        other_port=True,
    ),
)

BY_NAME: Mapping[str, type[SimulatedManner]] = MappingProxyType({manner.name: manner for manner in MANNERS})
