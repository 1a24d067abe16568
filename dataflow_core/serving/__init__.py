"""Servings: language models that answer prompts, behind one interface.

Each name is imported when it is used, so that what only names a serving stays light.

    from dataflow_core.serving import OpenAIServing

    with OpenAIServing(model="gpt-4o-mini", max_tokens=200) as serving:
        for answer in serving.generate_from_input(["Why is the sky blue?"]):
            print(answer.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dataflow_core.errors import BudgetReached, ServingError, ServingGone, ServingRefused
    from dataflow_core.serving.backend import Backend, ChatRequest, Reply, ReplyError, Vectors
    from dataflow_core.serving.backends.embedded import EmbeddedServing
    from dataflow_core.serving.backends.gemini import GeminiServing
    from dataflow_core.serving.backends.litellm import LiteLLMServing
    from dataflow_core.serving.backends.openai import OpenAIServing
    from dataflow_core.serving.backends.sglang import SGLangServing
    from dataflow_core.serving.backends.sglang_server import SGLangServerServing
    from dataflow_core.serving.backends.vllm import VLLMServing
    from dataflow_core.serving.backends.vllm_server import VLLMServerServing
    from dataflow_core.serving.base import Serving
    from dataflow_core.serving.completion import Completion, Embedding, Failure, Usage
    from dataflow_core.serving.messages import image
    from dataflow_core.serving.pricing import Price
    from dataflow_core.serving.sampling import Sampling
    from dataflow_core.serving.spec import serving_from_spec
    from dataflow_core.serving.store import RequestStore

_HOMES = {
    "Backend": "serving.backend",
    "BudgetReached": "errors",
    "ChatRequest": "serving.backend",
    "Completion": "serving.completion",
    "EmbeddedServing": "serving.backends.embedded",
    "Embedding": "serving.completion",
    "Failure": "serving.completion",
    "GeminiServing": "serving.backends.gemini",
    "LiteLLMServing": "serving.backends.litellm",
    "OpenAIServing": "serving.backends.openai",
    "Price": "serving.pricing",
    "Reply": "serving.backend",
    "ReplyError": "serving.backend",
    "RequestStore": "serving.store",
    "SGLangServerServing": "serving.backends.sglang_server",
    "SGLangServing": "serving.backends.sglang",
    "Sampling": "serving.sampling",
    "Serving": "serving.base",
    "ServingError": "errors",
    "ServingGone": "errors",
    "ServingRefused": "errors",
    "Usage": "serving.completion",
    "VLLMServerServing": "serving.backends.vllm_server",
    "VLLMServing": "serving.backends.vllm",
    "Vectors": "serving.backend",
    "image": "serving.messages",
    "serving_from_spec": "serving.spec",
}

__all__ = [
    "Backend",
    "BudgetReached",
    "ChatRequest",
    "Completion",
    "EmbeddedServing",
    "Embedding",
    "Failure",
    "GeminiServing",
    "LiteLLMServing",
    "OpenAIServing",
    "Price",
    "Reply",
    "ReplyError",
    "RequestStore",
    "SGLangServerServing",
    "SGLangServing",
    "Sampling",
    "Serving",
    "ServingError",
    "ServingGone",
    "ServingRefused",
    "Usage",
    "VLLMServerServing",
    "VLLMServing",
    "Vectors",
    "image",
    "serving_from_spec",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, within="dataflow_core")
