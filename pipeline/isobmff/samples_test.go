package isobmff_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// handmade is an stbl of five samples in three chunks, with every table.
func handmade() map[string][]byte {
	return map[string][]byte{
		"stts": isobmfftest.U32(0, 2, 2, 40, 3, 50), "ctts": isobmfftest.U32(1<<24, 2, 1, 80, 4, 1<<32-40), "stss": isobmfftest.U32(0, 2, 1, 4),
		"stsz": isobmfftest.U32(0, 0, 5, 10, 20, 30, 40, 50), "stsc": isobmfftest.U32(0, 2, 1, 2, 1, 3, 1, 1), "stco": isobmfftest.U32(0, 3, 1000, 2000, 3000),
	}
}

func stbl(tables map[string][]byte) (b []byte) {
	for _, fourcc := range []string{"stts", "ctts", "stss", "stsz", "stsc", "stco", "co64"} {
		if payload, ok := tables[fourcc]; ok {
			b = append(b, isobmfftest.Box(fourcc, payload)...)
		}
	}
	return b
}

func samples(t testing.TB, table *isobmff.SampleTable) (out []isobmff.Sample) {
	for {
		var s isobmff.Sample
		ok, err := table.Next(&s)
		require.NoError(t, err)
		if !ok {
			return out
		}
		out = append(out, s)
	}
}

func TestSampleTablesAreReadInDecodingOrder(t *testing.T) {
	want := []isobmff.Sample{
		{DTS: 0, DurationTicks: 40, OffsetTicks: 80, SizeBytes: 10, Sync: true, At: 1000},
		{DTS: 40, DurationTicks: 40, OffsetTicks: -40, SizeBytes: 20, At: 1010},
		{DTS: 80, DurationTicks: 50, OffsetTicks: -40, SizeBytes: 30, At: 2000},
		{DTS: 130, DurationTicks: 50, OffsetTicks: -40, SizeBytes: 40, Sync: true, At: 2030},
		{DTS: 180, DurationTicks: 50, OffsetTicks: -40, SizeBytes: 50, At: 3000},
	}
	table, err := isobmff.ReadSampleTable(stbl(handmade()))
	require.NoError(t, err)
	require.Equal(t, want, samples(t, table))
	table.Rewind()
	require.Equal(t, want, samples(t, table), "again from the beginning")
	require.Equal(t, uint32(5), table.Len())
	require.Equal(t, int64(150), table.Bytes())
	require.Equal(t, int64(230), table.Ticks())
	require.Equal(t, int64(2*8+2*8+2*4), table.TimeBytes())
	require.Zero(t, table.CommonSize(), "each has its own")

	wide := handmade()
	delete(wide, "stco")
	wide["co64"] = isobmfftest.U32(0, 3, 1, 1000, 0, 2000, 0, 3000)
	table, err = isobmff.ReadSampleTable(stbl(wide))
	require.NoError(t, err)
	require.Equal(t, int64(1<<32+1000), samples(t, table)[0].At)

	all := handmade()
	delete(all, "stss")
	delete(all, "ctts")
	all["stsz"] = isobmfftest.U32(0, 7, 5)
	table, err = isobmff.ReadSampleTable(stbl(all))
	require.NoError(t, err)
	require.Equal(t, int64(35), table.Bytes())
	require.EqualValues(t, 7, table.CommonSize())
	for _, s := range samples(t, table) {
		require.True(t, s.Sync && s.OffsetTicks == 0 && s.SizeBytes == 7)
	}
	all["stss"] = isobmfftest.U32(0, 0)
	table, err = isobmff.ReadSampleTable(stbl(all))
	require.NoError(t, err)
	for _, s := range samples(t, table) {
		require.False(t, s.Sync, "a table of no sync samples is not the same as none")
	}
}

func TestSampleTablesThatDoNotFitTogether(t *testing.T) {
	for fourcc, payload := range handmade() {
		cut := handmade()
		cut[fourcc] = payload[:len(payload)-1]
		_, err := isobmff.ReadSampleTable(stbl(cut))
		require.ErrorIs(t, err, isobmff.ErrTables, "%s is cut", fourcc)
		cut[fourcc] = payload[:6]
		_, err = isobmff.ReadSampleTable(stbl(cut))
		require.ErrorIs(t, err, isobmff.ErrTables, "%s has no count", fourcc)
		delete(cut, fourcc)
		_, err = isobmff.ReadSampleTable(stbl(cut))
		if optional := fourcc == "ctts" || fourcc == "stss"; !optional {
			require.ErrorIs(t, err, isobmff.ErrTables, "%s is missing", fourcc)
		}
	}
	for name, c := range map[string]struct {
		fourcc  string
		payload []byte
	}{
		"fewer chunks than samples": {"stco", isobmfftest.U32(0, 1, 1000)},
		"chunks without samples":    {"stsc", isobmfftest.U32(0, 1, 1, 0, 1)},
		"no span of the first":      {"stsc", isobmfftest.U32(0, 1, 2, 1, 1)},
	} {
		tables := handmade()
		tables[c.fourcc] = c.payload
		table, err := isobmff.ReadSampleTable(stbl(tables))
		require.NoError(t, err, name)
		var s isobmff.Sample
		for ok := true; ok; {
			if ok, err = table.Next(&s); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, isobmff.ErrTables, name)
	}
}

func TestATableIsReadAsFarAsItIsThere(t *testing.T) {
	for _, c := range []struct {
		payload []byte
		rows    int
		whole   bool
	}{
		{nil, 0, true}, {isobmfftest.U32(0, 2, 1, 2, 3, 4), 2, true}, {isobmfftest.U32(0, 2, 1, 2, 3), 1, false}, {isobmfftest.U32(0, 1<<32-1, 1, 2), 1, false},
		{isobmfftest.U32(0, 1, 1, 2, 3, 4), 1, true}, {isobmfftest.U32(0), 0, false}, {[]byte{}, 0, false},
	} {
		table, whole := isobmff.ReadTable(c.payload, 2)
		require.Equal(t, c.rows, table.Len(), "%v", c.payload)
		require.Equal(t, c.whole, whole, "%v", c.payload)
	}
	table, _ := isobmff.ReadTable(isobmfftest.U32(0, 2, 1, 2, 3, 4), 2)
	require.Equal(t, []uint32{1, 2, 3, 4}, []uint32{table.U32(0, 0), table.U32(0, 1), table.U32(1, 0), table.U32(1, 1)})
	sizes, whole := isobmff.ReadStsz(isobmfftest.U32(0, 0, 3, 5, 6))
	require.False(t, whole)
	require.Equal(t, int64(11), sizes.Bytes())
	_, whole = isobmff.ReadStsz(nil)
	require.False(t, whole)
}

func TestReadingTablesAllocatesNothingPerSample(t *testing.T) {
	table, err := isobmff.ReadSampleTable(stbl(handmade()))
	require.NoError(t, err)
	var s isobmff.Sample
	require.Zero(t, testing.AllocsPerRun(10, func() {
		table.Rewind()
		for ok := true; ok; {
			ok, _ = table.Next(&s)
		}
	}))
}

// Joined samples have the bytes and the time of their samples, and none reaches beyond its ISO chunk or over a change of
// the duration.
func TestJoinedSamples(t *testing.T) {
	table, err := isobmff.ReadSampleTable(stbl(map[string][]byte{
		"stts": isobmfftest.U32(0, 2, 7, 1, 4, 2), "stsz": isobmfftest.U32(0, 1, 11), // of QuickTime: not the size of a frame
		"stsc": isobmfftest.U32(0, 2, 1, 6, 1, 2, 5, 1), "stco": isobmfftest.U32(0, 2, 1000, 2000),
	}))
	require.NoError(t, err)
	table.Join(4, 4)
	require.EqualValues(t, 44, table.Bytes())
	for range 2 {
		var got []isobmff.Sample
		var s isobmff.Sample
		for ok := true; ok; {
			ok, err = table.Next(&s)
			require.NoError(t, err)
			if ok {
				got = append(got, s)
			}
		}
		require.Equal(t, []isobmff.Sample{
			{DTS: 0, DurationTicks: 4, SizeBytes: 16, Sync: true, At: 1000},
			{DTS: 4, DurationTicks: 2, SizeBytes: 8, Sync: true, At: 1016},
			{DTS: 6, DurationTicks: 1, SizeBytes: 4, Sync: true, At: 2000},
			{DTS: 7, DurationTicks: 8, SizeBytes: 16, Sync: true, At: 2004},
		}, got)
		require.LessOrEqual(t, len(got), int(table.Len()))
		table.Rewind()
	}
	other, err := isobmff.ReadSampleTable(stbl(handmade()))
	require.NoError(t, err)
	before := other.Len()
	other.Join(4, 4)
	require.Equal(t, before, other.Len(), "its samples have sizes of their own")
}

// A table of a few bytes may claim any number of samples and chunks.
func TestTheCostOfTablesIsProportional(t *testing.T) {
	for name, fill := range map[string]func(n int) map[string][]byte{
		"runs of no samples": func(n int) map[string][]byte {
			return map[string][]byte{"stts": append(isobmfftest.U32(0, uint32(n/8)), make([]byte, n)...), "stsz": isobmfftest.U32(0, 1, uint32(n)),
				"stsc": isobmfftest.U32(0, 1, 1, 1<<31, 1), "stco": isobmfftest.U32(0, 1, 0)}
		},
		"chunks of no samples": func(n int) map[string][]byte {
			return map[string][]byte{"stts": isobmfftest.U32(0, 1, 1<<31, 1), "stsz": isobmfftest.U32(0, 1, uint32(n)), "stsc": append(isobmfftest.U32(0, uint32(n/12)), make([]byte, n)...),
				"stco": append(isobmfftest.U32(0, uint32(n/4)), make([]byte, n)...)}
		},
		"sync samples that are one": func(n int) map[string][]byte {
			return map[string][]byte{"stts": isobmfftest.U32(0, 1, 1<<31, 1), "stsz": isobmfftest.U32(0, 1, uint32(n)), "stsc": isobmfftest.U32(0, 1, 1, 1<<31, 1), "stco": isobmfftest.U32(0, 1, 0),
				"stss": append(isobmfftest.U32(0, uint32(n/4)), bytes.Repeat(isobmfftest.U32(1), n/4)...)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			pipelinetest.Proportional(t, 4<<10, 8<<10, func(n int) int64 {
				b := stbl(fill(max(n, 64)))
				return pipelinetest.Allocated(func() {
					table, err := isobmff.ReadSampleTable(b)
					require.NoError(t, err)
					table.Ticks()
					var s isobmff.Sample
					for ok := true; ok && err == nil; {
						ok, err = table.Next(&s)
					}
				})
			})
		})
	}
}

// FuzzSampleTable: tables of any bytes are read within their bounds, and read twice give the same samples.
func FuzzSampleTable(f *testing.F) {
	f.Add(stbl(handmade()))
	wide := handmade()
	delete(wide, "stco")
	wide["co64"] = isobmfftest.U32(0, 3, 0, 1000, 0, 2000, 0, 3000)
	f.Add(stbl(wide))
	f.Add(stbl(map[string][]byte{"stts": isobmfftest.U32(0, 1, 9, 1), "stsz": isobmfftest.U32(0, 1, 9),
		"stsc": isobmfftest.U32(0, 1, 1, 9, 1), "stco": isobmfftest.U32(0, 1, 0)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := isobmff.ReadSampleTable(b)
		if err != nil {
			require.ErrorIs(t, err, isobmff.ErrTables)
			return
		}
		if len(b)%2 == 0 {
			table.Join(4, 1000)
		}
		require.GreaterOrEqual(t, table.Bytes(), int64(0))
		require.GreaterOrEqual(t, table.Ticks(), int64(0))
		read := func() (out []isobmff.Sample) {
			for len(out) < 1<<10 {
				var s isobmff.Sample
				if ok, err := table.Next(&s); !ok || err != nil {
					break
				}
				require.True(t, s.At >= 0 && s.DTS >= 0)
				out = append(out, s)
			}
			return out
		}
		first := read()
		require.LessOrEqual(t, len(first), int(table.Len()))
		table.Rewind()
		require.Equal(t, first, read())
	})
}
