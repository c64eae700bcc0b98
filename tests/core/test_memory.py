import subprocess
import sys

import pytest

LEFT_BEHIND = """
import ctypes, sys, threading
from core.memory import configure_malloc
if sys.argv[1] == "with":
    configure_malloc()
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


FETCHED_AGAIN = """
import resource, threading
import numpy as np
from core.memory import configure_malloc

configure_malloc()

def faults():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt

def work():
    turn = lambda: [np.ones(500_000, np.uint8) for _ in range(3)]
    turn()
    before = faults()
    for _ in range(100):
        turn()
    print((faults() - before) // 100)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's threshold")
def test_small_blocks_are_kept_for_the_next_reading() -> None:
    done = subprocess.run([sys.executable, "-c", FETCHED_AGAIN], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20, "page faults a turn; 90 without"
