package webauth

// What the tests of this package look at.
const MaxNext = maxNext

// SafeNext is safeNext.
func SafeNext(next string) string { return safeNext(next) }
