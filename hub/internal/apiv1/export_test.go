package apiv1

// WithHost is withHost.
func WithHost(natsURL, asked string) string { return withHost(natsURL, asked) }
