"""A process beside whose packages cannot be imported."""

from sdjax.benchmarks.beside import answer_requests


def answer(request):
    raise ImportError("libcudart.so.99 is missing")


if __name__ == "__main__":
    answer_requests(answer)
