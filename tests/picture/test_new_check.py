"""A new check takes one file and one entry of `PICTURE_CHECKS`: everything else reads that tuple."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

CODE = """
import xueliang_monitor.picture as picture
from xueliang_monitor.model import Fault, PictureRules, Rung, Severity, Text
from xueliang_monitor.picture.verdict import Check, Judged

words = Text("Upside down", "画面倒置")
fault = Fault("picture_upside_down", Rung.PICTURE, Severity.WARNING, name=words, cause=words, advice=words)
check = Check(fault, lambda view: Judged(0.8, f"mean luma {view.measures.luma_mean_levels:.0f}"))
picture.PICTURE_CHECKS = (*picture.PICTURE_CHECKS, check)

from tests.picture import made
from xueliang_monitor.configuration.settings import PICTURE_CODES
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.picture.look import look_at

code = fault.code
frame = made.MadeCamera().shot(12.0)
look = look_at([frame], None, rules=PictureRules())
print([each.code for each in look.seen], look.scores[code], bool(look.evidence))
tolerant = look_at([frame], None, rules=PictureRules(limits={code: 0.95}))
print(code in tolerant.ruled_out)
print(code in FAULTS, code in PICTURE_CODES)
"""


def test_a_new_check_is_judged_listed_and_limited_everywhere() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['picture_upside_down'] 0.8 True", "True", "True True"]
