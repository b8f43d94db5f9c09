//go:build !linux || portable

package export

// forget does nothing: this platform has no such call.
func forget(int, int64, int64) {}
