"""Why a device did not tell something, for people, in both languages. Texts of the device stay as they are."""

from __future__ import annotations

import re

from xueliang_monitor.model import Text

_CHINESE: tuple[tuple[str, str], ...] = (
    ("does not publish its last start", "设备不发布上次启动时间"),
    ("tells no date of its last start", "设备返回的上次启动时间无效"),
    ("it tells is in the future", "上次启动时间晚于当前时间"),
    ("moves along with the time of asking", "上次启动时间随查询时间变化"),
    ("it tells jumps about", "上次启动时间前后矛盾"),
    ("no host name is set", "设备未设置主机名"),
    ("lists no media profile", "设备未列出媒体配置"),
    ("ActionNotSupported|not implemented|OptionalActionNotImplemented", "设备不支持该请求"),
    ("lacks the permission|refuses this request|NotAuthorized", "所用账号没有相应权限"),
    ("it is not asked yet", "为避免账号被锁定，暂不查询"),
    ("login is held back", "登录被拒绝后暂停尝试"),
    ("not answered within|no answer within", "设备未在时限内应答"),
    ("closed the connection", "设备关闭了连接"),
    ("the response is empty", "设备的应答为空"),
)
_PATTERNS = tuple((re.compile(pattern), chinese) for pattern, chinese in _CHINESE)


def why_untold(why: str) -> Text:
    """Return why a device did not tell something; `why` is what came in place of an answer."""
    return Text(why, next((chinese for pattern, chinese in _PATTERNS if pattern.search(why)), why))
