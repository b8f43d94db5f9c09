package clip

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestAPinIsReadAsItWasWritten(t *testing.T) {
	for _, p := range []Pin{
		{ID: media.ID{1, 15: 9}, FromNS: Begin, ToNS: 5},
		{ID: media.ID{1, 15: 9}, FromNS: 0, ToNS: 1 << 60},
		{ID: media.ID{1, 15: 9}, FromNS: -3, ToNS: -1},
	} {
		got, err := ParsePin(p.String())
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	require.Empty(t, Pin{}.String())
}

// FuzzParsePin checks that what ParsePin reads is written in one form.
func FuzzParsePin(f *testing.F) {
	f.Add("01a223085ad8-7854-bb45-65e3-fea9c1c2_10_20")
	f.Add(Pin{ID: media.ID{1}, FromNS: Begin, ToNS: 7}.String())
	f.Add("__")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePin(text)
		if err != nil || p == (Pin{}) {
			return
		}
		again, err := ParsePin(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}
