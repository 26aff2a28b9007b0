void namesake_use(void);

int main(void)
{
    namesake_use();
}
