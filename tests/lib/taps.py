"""TAP: a line for each result, a plan at the end."""
import sys
import traceback

MOST_LINES, MOST_CHARACTERS = 40, 8000  # of a detail


class Tap:
    """The first of a test also says what ended it before its end."""

    def __init__(self):
        self.count = self.failed = 0
        self.is_done = False
        if sys.excepthook is sys.__excepthook__:
            sys.excepthook = self.ended

    def ended(self, kind, error, trace):
        """An exception that nobody takes is a result, with its reason."""
        if self.is_done or not issubclass(kind, Exception):
            sys.__excepthook__(kind, error, trace)
            return
        self.ok(False, "the test goes on to its end",
                "".join(traceback.format_exception(kind, error, trace)))
        self.done()

    def ok(self, passed, sentence, *details):
        """What the sentence says is true; the details say why it is not."""
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {sentence}",
              flush=True)
        for detail in () if passed else details:
            for line in str(detail).splitlines()[:MOST_LINES]:
                print("#", line[:MOST_CHARACTERS], flush=True)
        return bool(passed)

    def skip(self, sentence, reason):
        self.count += 1
        print(f"ok {self.count} - {sentence} # SKIP {reason}", flush=True)

    def note(self, text):
        print("#", text, flush=True)

    def done(self):
        """Prints the plan; how to exit."""
        self.is_done = True
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0
