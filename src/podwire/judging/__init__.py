"""judge(case, expectation, observation) → verdict. No I/O."""
