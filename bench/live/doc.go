// Package live compares the cost of servers under the same live load. Each server and the generator of the load run as
// separate processes. The cost of a server is the CPU time, memory and I/O of its process in a window of time in which
// all publishers publish.
package live
