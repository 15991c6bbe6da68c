// What Slack says to a person when the app did not do its part.

const WHY = {
  dispatch_failed: "the app is not connected",
  operation_timeout: "the app did not answer within three seconds",
  invalid_command_response: "the app answered something that Slack does not take",
  gone: "it is not there any more",
};

/** A sentence for an error code; a sentence stays as it is. */
export function failure(error, what) {
  if (!error) return null;
  return error in WHY ? `${what} failed with the error "${error}": ${WHY[error]}.` : error;
}
