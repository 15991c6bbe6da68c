// What Slack tells a person when the app failed.

const WHY = {
  dispatch_failed: "the app isn't connected",
  operation_timeout: "the app didn't respond within three seconds",
  invalid_command_response: "Slack didn't accept the app's response",
  gone: "it no longer exists",
};

/** A sentence for an error code; a sentence stays as it is. */
export function failure(error, what) {
  if (!error) return null;
  return error in WHY ? `${what} failed with the error "${error}": ${WHY[error]}.` : error;
}
