package rtsp

// hungUp returns false: on Windows the end of a connection is noticed at the next read, or when the silence of the
// client exceeds its bound.
func (g *serverConn) hungUp() bool { return false }
