package loglimit

// ErrorOnce decides which of repeated errors of one thing are logged: each once, until another one follows.
// The zero value has seen no error. It is for one goroutine at a time.
type ErrorOnce struct{ last string }

// Seen takes the outcome of the last attempt; nil is a success. isNew reports that an error should be logged.
// recovered reports a success after an error.
func (o *ErrorOnce) Seen(err error) (isNew, recovered bool) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	isNew, recovered = err != nil && text != o.last, err == nil && o.last != ""
	o.last = text
	return isNew, recovered
}
