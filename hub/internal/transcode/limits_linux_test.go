package transcode

const limited = true
