"""Write a model of a GGUF file as transformers, and so vLLM, keep models: GGUF FOLDER."""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(source, folder):
    told = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    read = AutoModelForCausalLM.from_pretrained(**told, dtype=torch.float32)
    # Weights are whole now, but the model is marked as one that cannot be saved.
    del read.config.quantization_config
    written = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)
    written.load_state_dict(read.state_dict())
    written.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**told).save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
