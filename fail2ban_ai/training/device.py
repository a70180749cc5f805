"""Where training computes: the first CUDA device where there is one. Files are made on the CPU, whoever trained."""

import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
