"""A process beside: says what it is told, and does what a process can do wrong."""

import os
import subprocess
import sys
import time

from sdjax.benchmarks.beside import answer_requests


def answer(request):
    print("noise")
    if "sleep" in request:
        time.sleep(request["sleep"])
    if "exit" in request:
        os._exit(1)
    if "raise" in request:
        raise ValueError(request["raise"])
    if "child" in request:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        return {"processes": [os.getpid(), child.pid]}
    return {"said": request}


if __name__ == "__main__":
    answer_requests(answer)
