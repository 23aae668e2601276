export default function Page() {
  return <h1>Job</h1>;
}
