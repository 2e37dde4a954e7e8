"""A short run of soak.py."""

import random
import unittest

from tests.soak import soak
from tests.soak.ledger import Published, Received


class LedgerTest(unittest.TestCase):
    """What soak.py would have to find."""

    accepted = Published(
        1, ["s %d" % n for n in range(1, 7)] + ["a %d 1000" % n for n in range(1, 7)]
    )

    def missing(self, *lines: str) -> object:
        return Received("test", lines).missing(self.accepted)

    def test_what_is_in_a_gap_is_not_lost(self) -> None:
        lines = ("f 1 1 1 0", "g 1 4 2 5 0", "f 6 1 6 0")
        self.assertEqual(self.missing(*lines), (4, 0, 0))
        self.assertEqual(Received("test", lines).holes, [])

    def test_a_gap_before_a_frame_of_another_tells_of_both(self) -> None:
        lines = ("f 1 1 1 0", "g 1 5 2 6 0", "f 7 2 1 0")
        self.assertEqual(self.missing(*lines), (5, 0, 0))

    def test_what_is_in_an_unknown_gap_is_not_lost(self) -> None:
        lines = ("f 1 1 1 0", "g 3 0 2 2 1", "f 1 1 6 0")
        self.assertEqual(self.missing(*lines), (0, 4, 0))
        self.assertEqual(Received("test", lines).holes, [])

    def test_what_nobody_tells_is_lost(self) -> None:
        lines = ("f 1 1 1 0", "f 3 1 3 0", "f 6 1 6 0")
        self.assertEqual(self.missing(*lines), (0, 0, 3))
        self.assertEqual(Received("test", lines).holes, ["1 to 6, 3 counted"])
        self.assertEqual(self.missing("f 1 1 1 0"), (0, 0, 5))

    def test_a_gap_that_counts_wrongly_is_found(self) -> None:
        lines = ("f 1 1 1 0", "g 1 3 2 5 0", "f 6 1 6 0")
        self.assertEqual(Received("test", lines).holes, ["1 to 6, 5 counted"])

    def test_what_comes_twice_is_found(self) -> None:
        lines = ("f 1 1 1 0", "f 2 1 1 0", "f 3 1 1 1")
        self.assertEqual(Received("test", lines).duplicated, 1)
        again = Received("test", ("f 1 1 1 0", "f 1 1 2 0"))
        self.assertIn("1 after 1", again.holes)

    def test_frames_without_an_answer_are_counted(self) -> None:
        lines = ["s 1", "s 2", "s 3", "s 4", "a 1 5", "m 2 why", "n 3 why"]
        self.assertEqual(Published(1, lines).unanswered(), 1)


class SoakTest(unittest.TestCase):
    def test_twenty_seconds(self) -> None:
        seed = random.randrange(1 << 32)
        print("seed", seed)
        self.assertEqual(soak.soak(20 / 60, seed, None), 0)


if __name__ == "__main__":
    unittest.main()
