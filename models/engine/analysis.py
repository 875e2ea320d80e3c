"""Answers to questions about runs, one function a kind of question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.engine.execution import Execution
from models.engine.explaining.arithmetic import arithmetic
from models.engine.explaining.compared_runs import compare_runs
from models.engine.explaining.diagnosed_run import diagnose_run
from models.engine.explaining.explanation import explain
from models.engine.report import Result
from models.explaining.questions import Arithmetic, Comparison, Diagnosis, Explanation
from models.ipc.messages import Analyse


def answer(execution: Execution, request: Analyse, inputs: Sequence[Sequence[np.ndarray]]) -> Result:
    """Answer a question about runs on arrays, in the order of the inputs of each.

    Raises:
        LayerscopeError: it is refused.
    """
    match request.question:
        case Explanation():
            return explain(execution, request.runs[0], request.question, inputs[0])
        case Arithmetic():
            return arithmetic(execution, request.runs[0], request.question, inputs[0])
        case Comparison():
            return compare_runs(execution, request.runs, request.question, inputs)
        case Diagnosis():
            return diagnose_run(execution, request.runs[0], inputs[0])
