package rtsp

// readNow is empty: no read is made without waiting.
type readNow struct{}

// arrived returns 0 and false: without SO_RCVLOWAT, which Windows lacks, polling saves nothing.
func (c *conn) arrived([]byte) (n int, again bool) { return 0, false }

// listen does nothing: Windows notifies the Go runtime of all data.
func (c *conn) listen(int) {}
