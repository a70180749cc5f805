"""fail2ban's own test of a filter's sample lines (fail2ban-testcases testSampleRegexs<NAME>) on any configuration.

The test finds its samples in the folder of fail2ban's tests; here it is told of another one. It would evaluate some
keys of a sample file as Python: the caller lets none of those in.
"""

import logging
import os
import time
import unittest

from fail2ban.tests import samplestestcase, utils  # type: ignore[import-not-found]  # the system Python has it


def run(job: dict[str, object]) -> dict[str, object]:
    """Test the filter `name` of the folder `config` with the samples in logs/NAME below `files`.

    Returns {"ok": whether all samples did as they say, "told": the first line of what did not}.
    """
    name, config = str(job["name"]), str(job["config"])
    samplestestcase.TEST_FILES_DIR = str(job["files"])
    made = samplestestcase.testSampleRegexsFactory(name, config)
    case = type("Samples", (samplestestcase.FilterSamplesRegex,), {"test": made})
    # As utils.initTests does: the zone that the times of samples are in, and the options of a run.
    os.environ["TZ"] = "CET-01CEST-02,M3.5.0,M10.5.0"
    time.tzset()
    options = utils.DefaultTestOptions()
    options.log_level, options.verbosity = logging.CRITICAL, 0
    unittest.F2B = utils.F2B(options)  # type: ignore[attr-defined]
    result = unittest.TestResult()
    case("test").run(result)
    wrong = [text for _, text in (*result.failures, *result.errors)]
    told = wrong[0].strip().splitlines() if wrong else []
    words = [line.strip() for line in told if line.startswith(("AssertionError", "  Jun", "regex", "ValueError"))]
    return {"ok": result.wasSuccessful() and result.testsRun == 1, "told": " ".join(words or told[-1:])[:400]}
