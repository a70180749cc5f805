"""Sizes and lengths of training; one place, so that the card can state them."""

from dataclasses import asdict, dataclass

from fail2ban_ai.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """What `model train --setting` chooses."""

    vocabulary: int = 4096
    width: int = 64  # of the encoder
    layers: int = 2
    heads: int = 4
    embedding: int = 48  # of an encoded text, in -1..1
    event: int = 96  # width of an event vector and of the actor model
    actor_layers: int = 2
    pretrain_steps: int = 1500  # guessing masked tokens
    encoder_steps: int = 1500
    encoder_batch: int = 128
    actor_steps: int = 1500
    actor_batch: int = 48
    company_steps: int = 800  # of the head that tells whom an actor belongs with
    worlds: int = 90  # simulated hosts
    folds: int = 3  # of the training hosts, left out in turn for calibration and thresholds

    def as_dict(self) -> dict[str, int]:
        """For the model card."""
        return asdict(self)


SETTINGS = {
    "tiny": Setting(
        512,
        16,
        1,
        2,
        8,
        16,
        1,
        pretrain_steps=8,
        encoder_steps=12,
        actor_steps=12,
        actor_batch=8,
        company_steps=6,
        worlds=4,
        folds=2,
    ),
    "small": Setting(),
    "full": Setting(
        8192,
        256,
        4,
        8,
        96,
        128,
        3,
        pretrain_steps=6_000,
        encoder_steps=4_000,
        encoder_batch=256,
        actor_steps=3_000,
        actor_batch=96,
        worlds=240,
    ),
}
"""`tiny` is for tests, `small` takes half an hour on two CPU cores, `full` is for a GPU."""


def setting(name: str) -> Setting:
    """The setting of that name.

    Raises:
        ConfigError: there is none yet.
    """
    if name not in SETTINGS:
        raise ConfigError(f"--setting {name}: there is none of that name; expected one of {', '.join(SETTINGS)}.")
    return SETTINGS[name]
