package bytesize_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/bytesize"
)

func TestSizesAreShownAsWritten(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1000: "1 KB", 1023: "1023 B", 900e12: "900 TB", 900e9: "900 GB", 10 << 30: "10 GiB", 97844723712: "91 GiB", 5153960755: "4.8 GiB", -10: "-10 B", 2000e12: "2000 TB",
	} {
		require.Equal(t, want, bytesize.Text(bytes))
	}
}
