"""GStreamer's RTSP server playing a folder of access units; run by Debian's Python, which has its bindings.

Usage: python3 gst_server.py PORT CODEC FRAMERATE FOLDER [USER PASSWORD]
FOLDER may be `live` for a moving test picture as motion JPEG;
prints `ready` once it listens; serves rtsp://127.0.0.1:PORT/video with a login where one is given: Digest, or what
GST_LOGIN says (basic). GST_TRANSPORT is udp or tcp for one alone; GST_TLS names a file of certificate and key.
"""

import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

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
    source = f'multifilesrc location="{folder}/%05d.bin" loop=true caps="{caps},framerate={rate}/1"'
    if folder == "live":  # pictures from files come as fast as they are taken
        raw = f"video/x-raw,format=I420,width=640,height=360,framerate={rate}/1"
        source = f"videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1 ! {raw} ! jpegenc"
    factory.set_launch(f"( {source} ! {chain} name=pay0 pt=96 )")
    if len(sys.argv) > 5:
        user, password = sys.argv[5:7]
        auth = GstRtspServer.RTSPAuth()
        basic = os.environ.get("GST_LOGIN") == "basic"
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC if basic else GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        if basic:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        else:
            auth.add_digest(user, password, token)
        if pem := os.environ.get("GST_TLS"):
            auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(pem))
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
        server.set_auth(auth)
    if wanted := os.environ.get("GST_TRANSPORT"):
        factory.set_protocols({"udp": GstRtsp.RTSPLowerTrans.UDP, "tcp": GstRtsp.RTSPLowerTrans.TCP}[wanted])
    server.get_mount_points().add_factory("/video", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
