// Drives the interface with ClickHouse's Go driver over HTTP, with every compression that the driver has.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func main() {
	for number, method := range []clickhouse.CompressionMethod{
		clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD,
		clickhouse.CompressionGZIP, clickhouse.CompressionDeflate,
	} {
		if err := run(os.Args[1], number, method); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n", method, err)
			os.Exit(1)
		}
		fmt.Println(method)
	}
}

func run(address string, number int, method clickhouse.CompressionMethod) error {
	ctx := context.Background()
	connection, err := clickhouse.Open(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{address},
		Auth:        clickhouse.Auth{Database: "spanledger", Username: "default"},
		Compression: &clickhouse.Compression{Method: method},
		Settings:    clickhouse.Settings{"max_execution_time": 20},
	})
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.Ping(ctx); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	version, err := connection.ServerVersion()
	if err != nil || version.Version.Major < 26 {
		return fmt.Errorf("version %v: %w", version, err)
	}
	if err := write(ctx, connection, number); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return read(ctx, connection, number)
}

func write(ctx context.Context, connection clickhouse.Conn, number int) error {
	batch, err := connection.PrepareBatch(ctx, "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanAttributes, Events.Name)")
	if err != nil {
		return err
	}
	for row := range 1000 {
		identity := number*1000 + row
		attributes := map[string]string{"cost.service": "go", "cost.total_cost": "0.001"}
		err := batch.Append(time.Unix(1767225600, int64(identity)), fmt.Sprintf("%032x", identity), fmt.Sprintf("%016x", identity+1),
			"chat", attributes, []string{"first"})
		if err != nil {
			return err
		}
	}
	return batch.Send()
}

func read(ctx context.Context, connection clickhouse.Conn, number int) error {
	var records uint64
	var total string
	row := connection.QueryRow(ctx, "SELECT count(), toString(sum(total_cost)) FROM cost_records WHERE service = {service:String}",
		clickhouse.Named("service", "go"))
	if err := row.Scan(&records, &total); err != nil {
		return fmt.Errorf("totals: %w", err)
	}
	if records != uint64(1000*(number+1)) || total != fmt.Sprint(number+1) {
		return fmt.Errorf("%d records, %s USD", records, total)
	}
	rows, err := connection.Query(ctx, "SELECT number, toString(number) FROM numbers(200000)")
	if err != nil {
		return fmt.Errorf("many: %w", err)
	}
	defer rows.Close()
	var sum uint64
	for rows.Next() {
		var value uint64
		var text string
		if err := rows.Scan(&value, &text); err != nil {
			return err
		}
		sum += value
	}
	if err := rows.Err(); err != nil || sum != 199999*100000 {
		return fmt.Errorf("many: sum %d: %w", sum, err)
	}
	empty, err := connection.Query(ctx, "SELECT user_id FROM cost_records WHERE user_id = 'nobody'")
	if err != nil || empty.Next() || len(empty.Columns()) != 1 {
		return fmt.Errorf("empty: %v %w", empty, err)
	}
	err = connection.Exec(ctx, "SELECT missing")
	if exception, ok := err.(*clickhouse.Exception); err == nil || (ok && exception.Code != 47) {
		return fmt.Errorf("the error did not arrive: %w", err)
	}
	return nil
}
