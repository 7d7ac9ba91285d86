"""What is raised on purpose. `str()` of each is one line for an operator that says what to do, without any secret.

HathiError
├── SettingsError        a setting, file or argument that cannot be used
├── DatabaseError
│   ├── DatabaseDown     not reachable now; may come back by itself
│   └── DatabaseRefused  reachable, but not like this: password, certificate, rights, version, disk
├── TurnLost             another worker has taken this turn over
├── PlatformError
│   ├── PlatformDown     the chat platform is not reachable now, or wants to be left alone for a while
│   └── PlatformRefused  it will not take this: no permission there, the channel is gone, the token is wrong
└── ModelError
    ├── ModelBusy        rate limit, overload, server error
    ├── ModelDown        not reachable, too slow, or the stream broke
    ├── ModelRefused     it will not answer that: against its rules
    │   └── RequestRefused   the request is not one that it takes: its form, a parameter, what it cannot do
    ├── ModelUnknown     the provider has no such model
    ├── ModelSilent      it answered with nothing, or with what is no answer
    ├── PromptTooLong    more than the model can read
    └── KeyRefused       key missing or wrong
        └── NoCredit     the account behind the key is out of credit
"""


class HathiError(Exception):
    """Everything that Hathi raises on purpose."""


class SettingsError(HathiError):
    """A setting, file or argument that cannot be used."""


class DatabaseError(HathiError):
    """The database cannot be used."""


class DatabaseDown(DatabaseError):
    """The database is not reachable now; it may come back by itself."""


class DatabaseRefused(DatabaseError):
    """The database is there, but will not do this: password, certificate, rights, version, disk."""


class TurnLost(HathiError):
    """Another worker has taken this turn over: whoever held it may neither post nor write for it any more."""


class PlatformError(HathiError):
    """A chat platform did not take what we sent."""


class PlatformDown(PlatformError):
    """The platform is not reachable now, or wants to be left alone for a while; later may be better."""

    delay: float | None = None  # seconds for which it wants to be left alone


class PlatformRefused(PlatformError):
    """The platform will not take this: no permission there, the channel is gone, the token is wrong."""


class ModelError(HathiError):
    """The model gave no answer."""


class ModelBusy(ModelError):
    """Rate limit, overload or an error on the provider's side; later may be better."""

    delay: float | None = None  # seconds after which the provider wants to be asked again


class ModelDown(ModelError):
    """The provider is not reachable, too slow, or its stream broke."""


class ModelRefused(ModelError):
    """The provider will not answer that: what was asked, or answered, is against its rules."""


class RequestRefused(ModelRefused):
    """The provider does not take a request like this one: its form, a parameter, something that the model cannot do."""


class ModelUnknown(ModelError):
    """The provider has no such model, or not for this key."""


class ModelSilent(ModelError):
    """The provider answered with nothing, or with what is no answer."""


class PromptTooLong(ModelError):
    """More than the model can read."""


class KeyRefused(ModelError):
    """The provider's key is missing or wrong."""


class NoCredit(KeyRefused):
    """The account behind the key is out of credit."""
