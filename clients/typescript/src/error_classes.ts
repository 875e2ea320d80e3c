/** A class for each `code` of the service, under the name and the base that it has in `models/errors`. */

import { LayerscopeError } from "./errors.ts";
import type { ErrorCode, ProblemDocument } from "./types.ts";

export class BadRequest extends LayerscopeError {}
export class LongAddress extends LayerscopeError {}
export class LargeHead extends LayerscopeError {}
export class Misdirected extends LayerscopeError {}
export class CrossSite extends LayerscopeError {}
export class Unauthorized extends LayerscopeError {}
export class Forbidden extends LayerscopeError {}
export class Unparsable extends LayerscopeError {}
export class WrongDigest extends Unparsable {}
export class NotFound extends LayerscopeError {}
export class FixedModel extends LayerscopeError {}
export class MethodNotAllowed extends LayerscopeError {}
export class Unacceptable extends LayerscopeError {}
export class UnsupportedMedia extends LayerscopeError {}
export class TooLarge extends LayerscopeError {}
export class Invalid extends LayerscopeError {}
export class InvalidDocument extends Invalid {}
export class InvalidTensor extends Invalid {}
export class InvalidImage extends Invalid {}
export class InvalidOption extends Invalid {}
export class InvalidWeights extends Invalid {}
export class UnknownAddress extends Invalid {}
export class Quarantined extends Invalid {}
export class Unavailable extends LayerscopeError {}
export class NotReady extends Unavailable {}
export class Overloaded extends Unavailable {}
export class RateLimited extends Unavailable {}
export class Draining extends Unavailable {}
export class EngineLost extends Unavailable {}
export class DeviceMemory extends Unavailable {}
export class NoGpu extends Unavailable {}
export class TooManyConnections extends Unavailable {}
export class WeightsUnavailable extends Unavailable {}
export class StoreFull extends Unavailable {}
export class StoreReadOnly extends Unavailable {}
export class StoreUnreachable extends Unavailable {}
export class ModelDamaged extends Unavailable {}
export class Superseded extends Unavailable {}
export class SlowBody extends LayerscopeError {}
export class ClientDisconnected extends LayerscopeError {}
export class DeadlineExceeded extends LayerscopeError {}
export class Unsupported extends LayerscopeError {}
export class UnsupportedEncoding extends Unsupported {}
export class UnknownMethod extends Unsupported {}
export class Internal extends LayerscopeError {}

/** By `code`: one that the OpenAPI document has and this lacks, or the reverse, fails the type check. */
const ERRORS = {
  bad_request: BadRequest,
  address_too_long: LongAddress,
  headers_too_large: LargeHead,
  misdirected: Misdirected,
  cross_site: CrossSite,
  unauthorized: Unauthorized,
  forbidden: Forbidden,
  unparsable: Unparsable,
  wrong_digest: WrongDigest,
  not_found: NotFound,
  fixed_model: FixedModel,
  method_not_allowed: MethodNotAllowed,
  not_acceptable: Unacceptable,
  unsupported_media_type: UnsupportedMedia,
  too_large: TooLarge,
  invalid: Invalid,
  invalid_document: InvalidDocument,
  invalid_tensor: InvalidTensor,
  invalid_image: InvalidImage,
  invalid_option: InvalidOption,
  invalid_weights: InvalidWeights,
  unknown_address: UnknownAddress,
  quarantined: Quarantined,
  unavailable: Unavailable,
  not_ready: NotReady,
  overloaded: Overloaded,
  rate_limited: RateLimited,
  draining: Draining,
  engine_lost: EngineLost,
  device_memory: DeviceMemory,
  no_gpu: NoGpu,
  too_many_connections: TooManyConnections,
  weights_unavailable: WeightsUnavailable,
  store_full: StoreFull,
  store_read_only: StoreReadOnly,
  store_unreachable: StoreUnreachable,
  model_damaged: ModelDamaged,
  superseded: Superseded,
  slow_body: SlowBody,
  hung_up: ClientDisconnected,
  deadline_exceeded: DeadlineExceeded,
  unsupported: Unsupported,
  unsupported_encoding: UnsupportedEncoding,
  unknown_method: UnknownMethod,
  internal: Internal,
} satisfies Record<ErrorCode, typeof LayerscopeError>;

/** The error of a problem document, of the class of its `code`; of a code that is newer than this client, the base. */
export function errorOf(problem: ProblemDocument, retryAfter?: number): LayerscopeError {
  const known: Readonly<Record<string, typeof LayerscopeError>> = ERRORS;
  const Class = known[problem.code] ?? LayerscopeError;
  return new Class(problem, retryAfter);
}

/** The error that a response reports: its problem document, or what there is in place of one, such as a proxy's page. */
export async function errorIn(response: Response): Promise<LayerscopeError> {
  const text = await response.text();
  const after = Number(response.headers.get("Retry-After"));
  return errorOf(problemIn(text) ?? foreign(response, text), after > 0 ? after : undefined);
}

function problemIn(text: string): ProblemDocument | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value?.code === "string" && Array.isArray(value.errors) ? value : undefined;
  } catch {
    return undefined;
  }
}

function foreign(response: Response, text: string): ProblemDocument {
  return {
    type: "about:blank",
    title: response.statusText,
    status: response.status,
    detail: `${response.status} ${response.statusText}: ${text.slice(0, 200)}`,
    instance: response.url,
    code: "foreign" as ErrorCode,
    request_id: response.headers.get("X-Request-ID") ?? "",
    errors: [],
  };
}
