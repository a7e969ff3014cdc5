"""A worker's side of the engines: arrays in, arrays out, one client per worker, in its event loop.

    EngineClient ── Ticket ──▶ Dispatcher ── Flight ──▶ Link ═══ socket ═══ engine        one Link per engine
    what callers see           gathers, chooses,        heartbeat, messages in flight
                               retries

- Gathering: while a message to a model is in flight, what arrives for it waits and travels as one message. A second is
  in flight only where the first is so small that its engine would soon stand still. Bulk requests travel alone, so that
  small ones never wait for them here.
- Choosing: a message goes to the engine that has the version and the fewest pictures in flight; one that has just
  missed a heartbeat only if there is no other.
- Retrying: when an engine goes, what was in flight goes to another one, or waits for the next, within its deadline and
  one time only (a request that kills two engines kills no third). While there is no engine at all, new requests are
  refused at once, with 503.
- Every call ends: by an answer, a refusal, or its deadline.

The sockets are driven by the loop's readiness callbacks: see `service.transport`.
"""

from service.client.answers import Answer, Landed, Outputs
from service.client.client import EngineClient
from service.client.dispatcher import BULK_PICTURES

__all__ = ["BULK_PICTURES", "Answer", "EngineClient", "Landed", "Outputs"]
