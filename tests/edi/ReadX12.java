import io.xlate.edi.schema.Schema;
import io.xlate.edi.schema.SchemaFactory;
import io.xlate.edi.stream.EDIInputFactory;
import io.xlate.edi.stream.EDIStreamEvent;
import io.xlate.edi.stream.EDIStreamReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Prints each segment of a file, its elements with U+001F between; what does not fit begins with an exclamation mark. */
public class ReadX12 {
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        EDIInputFactory factory = EDIInputFactory.newFactory();
        factory.setProperty(EDIInputFactory.EDI_VALIDATE_CONTROL_STRUCTURE, true);
        try (InputStream file = new FileInputStream(arguments[0]); EDIStreamReader reader = factory.createEDIStreamReader(file, "UTF-8")) {
            Schema schema = SchemaFactory.newFactory().createSchema(new FileInputStream(arguments[1]));
            StringBuilder segment = new StringBuilder();
            while (reader.hasNext()) {
                EDIStreamEvent event = reader.next();
                switch (event) {
                    case START_TRANSACTION -> reader.setTransactionSchema(schema);
                    case START_SEGMENT -> segment.append(reader.getText());
                    case ELEMENT_DATA -> segment.append('\u001f').append(reader.getText());
                    case END_SEGMENT -> {
                        out.println(segment);
                        segment.setLength(0);
                    }
                    case SEGMENT_ERROR, ELEMENT_OCCURRENCE_ERROR, ELEMENT_DATA_ERROR ->
                        out.println("!" + event + " " + reader.getErrorType() + " " + reader.getReferenceCode() + " " + reader.getLocation());
                    default -> { }
                }
            }
        }
        out.flush();
    }
}
