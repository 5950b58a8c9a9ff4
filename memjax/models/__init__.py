"""Models of one point."""

from memjax.models import graph as graph
from memjax.models import pairs as pairs
from memjax.models.activations import ACTIVATIONS as ACTIVATIONS
from memjax.models.activations import activation_at as activation_at
from memjax.models.activations import wave as wave
from memjax.models.adapters import from_equinox as from_equinox
from memjax.models.adapters import from_nnx as from_nnx
from memjax.models.adapters import linen as linen
from memjax.models.mamba import mamba as mamba
from memjax.models.mlp import Scheme as Scheme
from memjax.models.mlp import he as he
from memjax.models.mlp import lecun as lecun
from memjax.models.mlp import mlp as mlp
from memjax.models.mlp import normal as normal
from memjax.models.mlp import torch_default as torch_default
from memjax.models.mlp import xavier as xavier
from memjax.models.pairs import pair_network as pair_network
from memjax.models.resnet import resnet as resnet
from memjax.models.transformer import transformer as transformer
