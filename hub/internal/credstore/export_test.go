package credstore

// MaxFile bounds the file, in bytes.
const MaxFile = maxFile

// WithSteps returns an Editor that calls step before each step of writing.
func WithSteps(step func(name string)) Editor { return Editor{step: step} }
