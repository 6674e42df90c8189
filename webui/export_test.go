package webui

// For bundle_test.go.
var (
	Bundle        = bundle
	StripComments = stripComments
)
