export default function Page() {
  return <h1>New task</h1>;
}
