"""The published sources of the operators, as the operators cite them; nothing is imported here."""

from __future__ import annotations

EXTRACTION = "Minerva (Lewkowycz et al. 2022), appendix D; GSM8K (Cobbe et al. 2021)"
"""Solving Quantitative Reasoning Problems with Language Models, arXiv:2206.14858; and Training
Verifiers to Solve Math Word Problems, arXiv:2110.14168."""

EQUALITY = "Math-Verify (Kydlíček 2025); Qwen2.5-Math (Yang et al. 2024), evaluation"
"""Math-Verify: Math Verification Library, Hugging Face; and Qwen2.5-Math Technical Report: Toward
Mathematical Expert Model via Self-Improvement, arXiv:2409.12122."""

COT = "Chain-of-thought prompting (Wei et al. 2022)"
"""Chain-of-Thought Prompting Elicits Reasoning in Large Language Models, arXiv:2201.11903."""

SELF_CONSISTENCY = "Self-consistency (Wang et al. 2022)"
"""Self-Consistency Improves Chain of Thought Reasoning in Language Models, arXiv:2203.11171."""

MATHQ_VERIFY = "MathQ-Verify (Shen et al. 2025)"
"""Let's Verify Math Questions Step by Step, arXiv:2505.13903."""
