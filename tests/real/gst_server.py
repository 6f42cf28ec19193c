"""GStreamer's RTSP server playing a folder of access units; run by Debian's Python, which has its bindings.

Usage: python3 gst_server.py PORT CODEC FRAMERATE FOLDER [USER PASSWORD]
Prints `ready` once it listens; serves rtsp://127.0.0.1:PORT/video with digest login where one is given.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

CHAINS = {
    "h264": ("video/x-h264,stream-format=byte-stream,alignment=au", "h264parse ! rtph264pay config-interval=-1"),
    "h265": ("video/x-h265,stream-format=byte-stream,alignment=au", "h265parse ! rtph265pay config-interval=-1"),
    "mjpeg": ("image/jpeg", "jpegparse ! rtpjpegpay"),
}


def main() -> None:
    port, codec, rate, folder = sys.argv[1:5]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    caps, chain = CHAINS[codec]
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( multifilesrc location="{folder}/%05d.bin" loop=true caps="{caps},framerate={rate}/1"'
        f" ! {chain} name=pay0 pt=96 )"
    )
    if len(sys.argv) > 5:
        user, password = sys.argv[5:7]
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_digest(user, password, token)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
        server.set_auth(auth)
    server.get_mount_points().add_factory("/video", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
