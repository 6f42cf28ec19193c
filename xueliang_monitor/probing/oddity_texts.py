"""What each oddity means, in both languages: what the camera does, and whether somebody should act."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xueliang_monitor.model import Text
from xueliang_monitor.wire.oddities import Oddity

ODDITY_TEXTS: Mapping[Oddity, Text] = MappingProxyType(
    {
        Oddity.FOREIGN_BYTES: Text(
            "Bytes that belong to no RTSP message and no frame were skipped.",
            "跳过了不属于任何 RTSP 消息或数据帧的字节。",
        ),
        Oddity.BAD_HEADER_LINE: Text("A header line of a response cannot be read.", "应答中有无法解析的头部行。"),
        Oddity.OTHER_CSEQ: Text(
            "Responses carry another CSeq than their requests. They were taken in order.",
            "应答的 CSeq 与请求不一致，已按先后顺序对应。",
        ),
        Oddity.NEW_NONCE: Text(
            "The camera asked for another login after it had accepted one. A nonce of it is good for few requests.",
            "摄像机在登录成功后再次要求认证：其 nonce 只能使用很少几次。",
        ),
        Oddity.CLOSED_AFTER_CHALLENGE: Text(
            "The camera closes the connection after it has asked for a login.", "摄像机在要求认证后会断开连接。"
        ),
        Oddity.SESSION_CHANGED: Text(
            "The camera changed the session's id between two SETUP responses.", "两次 SETUP 应答中的会话号不同。"
        ),
        Oddity.ALL_TRACKS_NEEDED: Text(
            "The camera sends video only if all its tracks are set up. The other tracks are not read.",
            "摄像机仅在所有轨道都建立后才发送视频；其他轨道的数据不会被读取。",
        ),
        Oddity.OTHER_PORT: Text(
            "Packets come from another UDP port or address than the camera announced, as behind NAT.",
            "数据包来自与通告不同的 UDP 端口或地址，可能经过 NAT。",
        ),
        Oddity.BAD_PACKET: Text("Packets are not RTP, or are cut short.", "收到非 RTP 或被截断的数据包。"),
        Oddity.OTHER_PAYLOAD_TYPE: Text(
            "Packets of another payload type come with the video.", "视频中夹有其他负载类型的数据包。"
        ),
        Oddity.OTHER_SOURCE: Text(
            "Packets of another source (SSRC) come with the video.", "视频中夹有其他同步源（SSRC）的数据包。"
        ),
        Oddity.SOURCE_CHANGED: Text(
            "The stream's source (SSRC) changes while it plays.", "播放过程中码流的同步源（SSRC）发生变化。"
        ),
        Oddity.NUMBERS_RESTARTED: Text(
            "The sequence numbers of the packets start again, step back or jump, and nothing is missing.",
            "数据包序号重新开始、回退或跳跃，但没有丢包。",
        ),
        Oddity.DUPLICATE_PACKET: Text("Packets come more than once.", "数据包重复发送。"),
        Oddity.EMPTY_PAYLOAD: Text("Packets carry no data.", "数据包没有内容。"),
        Oddity.UNKNOWN_UNIT: Text(
            "Packets carry units of a type that the standard does not define.", "数据包中有标准未定义的单元类型。"
        ),
        Oddity.DAMAGED_UNIT: Text(
            "The camera marks units of its video as damaged. They were left out.",
            "摄像机将部分单元标记为已损坏，已忽略。",
        ),
        Oddity.BAD_AGGREGATE: Text(
            "Packets hold several units whose sizes do not add up.", "聚合包中各单元的长度之和不符。"
        ),
        Oddity.FRAGMENT_WITHOUT_START: Text(
            "Fragments of units come without their first part.", "收到缺少起始部分的分片。"
        ),
        Oddity.START_CODES: Text(
            "Units hold start codes, as in a file. They were split there.", "单元中含有起始码，已按起始码拆分。"
        ),
        Oddity.START_CODES_IN_DESCRIPTION: Text(
            "The parameter sets in the SDP hold start codes. They were split there.",
            "SDP 中的参数集含有起始码，已按起始码拆分。",
        ),
        Oddity.OVERSIZED_PICTURE: Text(
            "Pictures are larger than the monitor reads. They were left out.", "部分画面超过程序读取上限，已忽略。"
        ),
        Oddity.SIZE_CHANGED: Text(
            "The pictures change their width or height while the stream plays.", "播放过程中画面的宽或高发生变化。"
        ),
        Oddity.CODEC_DIFFERS: Text(
            "The SDP announces another codec than the camera sends.", "SDP 中的编码格式与实际发送的不同。"
        ),
    }
)
