import subprocess
import sys

import pytest

LEFT_BEHIND = """
import ctypes, sys, threading
from core.memory import give_back_large_blocks
if sys.argv[1] == "with":
    give_back_large_blocks()
import io
from PIL import Image
from recognizer.reading import open_image

out = io.BytesIO()
Image.new("RGBA", (3000, 3000)).save(out, "PNG")

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20

def work():
    open_image(out.getvalue())

before = resident()
for _ in range(2):
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's threshold")
def test_freed_pixel_memory_is_returned_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND, "with"], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60, "megabytes; 200 without"
