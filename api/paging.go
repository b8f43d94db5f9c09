package api

import (
	"encoding/json"
	"sort"

	"github.com/gospool/spool/api/params"
)

// A page of a list is bounded in bytes as well as in rows, because one row may list thousands of
// gaps. It has at least one row if the list has any. If that row is a recording and larger than
// maxPageBytes, the lists of the recording are cut, and its field cut is true.
const (
	maxPageBytes = 1 << 20  // approximate size of a page as JSON
	maxRowBytes  = 16 << 20 // approximate size of one recording that a client requested by its ID
)

// paging holds the last fields of an answer that is a page of recordings or events.
type paging struct {
	Next     string `json:"next,omitempty" doc:"cursor of the next page; absent on the last. A page has at most limit rows and about a mebibyte"`
	Degraded bool   `json:"degraded,omitempty" doc:"the database is down, and older recordings may be missing here; or it takes no rows"`
}

// within cuts a page of rows to maxPageBytes as JSON. It returns the first rows that fit, at least
// one, and the cursor of the following page. next is the cursor of the page after all rows; behind
// returns the cursor of the page after rows[i]. If behind is nil, within returns all rows and next.
func within[T any](rows []T, next string, behind func(i int) string) ([]T, string) {
	bytes := 0
	for i := range rows {
		if bytes += encodedBytes(&rows[i]); i > 0 && bytes > maxPageBytes && behind != nil {
			return rows[:i], behind(i - 1)
		}
	}
	return rows, next
}

func encodedBytes(value any) int {
	text, err := json.Marshal(value)
	if err != nil {
		return 0 // answer will report the same error
	}
	return len(text) + 1
}

// shorten halves the lists of a recording until its JSON has at most so many bytes as most, or the
// lists are empty. It sets Cut if it has halved any.
func (d *recordDetail) shorten(most int) {
	for encodedBytes(d) > most && len(d.Gaps)+len(d.Anchors)+len(d.Events)+len(d.Locations)+len(d.Tracks) > 0 {
		d.Cut = true
		d.Gaps, d.Anchors, d.Events = half(d.Gaps), half(d.Anchors), half(d.Events)
		d.Locations, d.Tracks = half(d.Locations), half(d.Tracks)
	}
}

func half[T any](list []T) []T { return list[:len(list)/2] }

// first returns the first maxListed elements of a list, for an answer that has no pages.
func first[T any](list []T) []T { return list[:min(len(list), maxListed)] }

// further returns the length of a list that first shortens, and 0 for a list that first returns
// whole. An answer has this length in a field that is absent for 0.
func further[T any](list []T) int {
	if len(list) <= maxListed {
		return 0
	}
	return len(list)
}

// pageOfNames returns the query parameters of a list that is sorted by name. what is the plural noun
// for its rows, such as streams.
func pageOfNames(what string) []params.Param {
	return []params.Param{
		{Name: "limit", Kind: params.Integer, Def: "1000", Max: 1000, Doc: what + " in one answer"},
		{Name: "cursor", Doc: "next of the previous page"},
	}
}

// nextName holds the last fields of an answer that is a page of a list sorted by name.
type nextName struct {
	Total int    `json:"total,omitempty" doc:"number of all entries; absent when the answer has all"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent on the last. A page has at most limit rows and about a mebibyte"`
}

// pageByName returns the requested page of a list. names are the sorted names of all rows; row
// makes the row of names[i], and is called for the rows of the page and at most one further row. A
// cursor is the name of the last row of the previous page, so that a page is right even if that row
// is gone.
func pageByName[T any](r *request, names []string, row func(i int) T) (rows []T, end nextName, err error) {
	limit := r.query.Integer("limit")
	cursor := r.query.Text("cursor")
	if r.query.Err != nil {
		return nil, end, r.query.Err
	}
	if len(cursor) > maxCursorBytes {
		return nil, end, errUnknownCursor
	}
	from := 0
	if cursor != "" {
		from = sort.Search(len(names), func(i int) bool { return names[i] > cursor })
	}
	rows = []T{}
	bytes := 0
	for i := from; i < len(names) && len(rows) < limit; i++ {
		next := row(i)
		if bytes += encodedBytes(&next); len(rows) > 0 && bytes > maxPageBytes {
			break
		}
		rows = append(rows, next)
	}
	if to := from + len(rows); len(rows) > 0 && to < len(names) {
		end.Next = names[to-1]
	}
	if len(rows) < len(names) {
		end.Total = len(names)
	}
	return rows, end, nil
}
