package webauth

// MaxNext is maxNext.
const MaxNext = maxNext

// SafeNext is safeNext.
func SafeNext(next string) string { return safeNext(next) }
