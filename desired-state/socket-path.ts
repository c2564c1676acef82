// The bound of the unix sockets that the programs speak over.

/** Longest path of a unix socket, bytes: sun_path of unix(7) is 108 with its final NUL. Node says only EINVAL of a longer one. */
export const MAX_SOCKET_PATH_BYTES = 107;
