package filename

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What Windows drops from a name, or keeps for devices, is in none.
func TestNamesArePortable(t *testing.T) {
	for in, want := range map[string]string{
		"live/cam./x.mp4": "live/cam_/x.mp4", "con/x.mp4": "con_/x.mp4", "a/NUL.mp4": "a/NUL_.mp4", "com1.x/a.mp4": "com1_.x/a.mp4",
		"console/x.mp4": "console/x.mp4", "a/b.c.mp4": "a/b.c.mp4", "com10/lpt.mp4": "com10/lpt.mp4",
	} {
		require.Equal(t, want, portable(in))
	}
}
